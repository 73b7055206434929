# Copyright 2026 The emiff_ros authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""The features that a shipped network sends for the roadside images of a folder."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
import torch

from emiff_ros.dair.images import read_image
from emiff_ros.dair.reader import DairFolder
from emiff_ros.model import preprocess_image
from emiff_ros.model.weights import load_infrastructure_encoder
from emiff_ros.resize import resize


class Roadside:
    """The sender's half of a network on one CPU thread."""

    def __init__(self, weights: Path) -> None:
        """Load the weights.

        Raises:
            WeightsError: if they cannot be used.
        """
        torch.set_num_threads(1)
        encoder, self.config, self.fingerprint = load_infrastructure_encoder(weights)
        self._encoder = encoder.eval()

    def feature(self, path: Path) -> NDArray[np.float32]:
        """Return the feature ``[C, h, w]`` of one image file, resized as the node does.

        Raises:
            DairError: if the image cannot be read.
        """
        rgb = resize(read_image(path), self.config.image_height, self.config.image_width)
        with torch.inference_mode():
            image = preprocess_image(torch.from_numpy(rgb), self.config)[None]
            return self._encoder.encode_infrastructure(image)[0].numpy()

    def features(self, folder: Path, count: int) -> Iterator[NDArray[np.float32]]:
        """Yield the features of the first ``count`` of every n-th frame, n as large as can be."""
        frames = list(DairFolder(folder).infrastructure_frames.values())
        step = max(1, len(frames) // count)
        for frame in frames[::step][:count]:
            yield self.feature(frame.image_path)
