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

"""The sender's half of the network as the roadside node uses it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
import torch

from emiff_ros.acceleration import AcceleratedEncoder, AccelerationConfig, InputCalibration
from emiff_ros.model.weights import LoadedEncoder


class InfrastructureNetwork:
    """Weights on a device, and what features say of the network that made them.

    Attributes:
        config: of the network.
        fingerprint: of the weights, 32 bytes.
    """

    def __init__(
        self,
        loaded: LoadedEncoder,
        device: torch.device,
        acceleration: AccelerationConfig,
        calibration: InputCalibration | None = None,
    ) -> None:
        """Make a loaded encoder fast; 8 bits need its ``calibration``.

        Raises:
            ValueError: if a speed-up does not fit the encoder or lacks its calibration.
        """
        encoder, self.config, fingerprint = loaded
        self._encoder = AcceleratedEncoder(encoder.to(device).eval(), acceleration, calibration)
        self.fingerprint = bytes.fromhex(fingerprint)

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the input before padding, pixels."""
        return self.config.image_height, self.config.image_width

    def encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the feature ``[C, h, w]`` of RGB pixels ``[height, width, 3]``.

        Raises:
            ValueError: for pixels of another type or fewer than :attr:`image_size`.
        """
        with torch.inference_mode():
            feature = self._encoder.encode_infrastructure_picture(torch.from_numpy(pixels))[0]
            return feature.float().cpu().numpy()

    def run_once(self) -> None:
        """Encode an empty image."""
        self.encode(np.zeros((*self.image_size, 3), np.uint8))
