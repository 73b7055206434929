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

"""From the pictures of a vehicle and a roadside camera to boxes on the host."""

from contextlib import nullcontext

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from emiff_ros.acceleration.network import AcceleratedEmiff
from emiff_ros.model import Boxes, Camera, InfrastructureView


class PairDetector:
    """Detect in pairs of pictures [H, W, 3] uint8, red first, of any size above the network's.

    On a GPU pictures go through pinned memory, and with ``parallel_encoders`` both images are
    prepared and encoded at the same time.
    """

    def __init__(self, network: AcceleratedEmiff) -> None:
        """Take an accelerated network of a cooperative configuration.

        Raises:
            ValueError: for another modality.
        """
        if network.config.modality != 'cooperative':
            raise ValueError(
                f'modality is {network.config.modality}; pairs need a cooperative network'
            )
        self._network = network
        self._pinned: dict[str, Tensor] = {}
        parallel = network.acceleration.parallel_encoders
        self._side = torch.cuda.Stream(network.device) if parallel else None

    def detect(
        self,
        vehicle_rgb: NDArray[np.uint8],
        vehicle_camera: Camera,
        infrastructure_rgb: NDArray[np.uint8],
        infrastructure_camera: Camera,
    ) -> Boxes:
        """Detect in one pair; cameras at the network's input size."""
        with torch.inference_mode():
            network, side = self._network, self._side
            if side is not None:
                side.wait_stream(torch.cuda.current_stream(network.device))
            with nullcontext() if side is None else torch.cuda.stream(side):
                picture = self._staged('infrastructure', infrastructure_rgb)
                feature = network.encode_infrastructure_picture(picture)
            picture = self._staged('vehicle', vehicle_rgb)
            vehicle_map = network.encode_vehicle_picture(picture)
            if side is not None:
                torch.cuda.current_stream(network.device).wait_stream(side)
            view = InfrastructureView(infrastructure_camera, feature=feature)
            return network.detect_encoded(vehicle_map, vehicle_camera, [view])

    def _staged(self, name: str, rgb: NDArray[np.uint8]) -> Tensor:
        """Return the picture in memory that the device can copy from while the host goes on."""
        pixels = torch.from_numpy(rgb)
        if self._network.device.type != 'cuda':
            return pixels
        kept = self._pinned.get(name)
        if kept is None or kept.shape != pixels.shape:
            kept = self._pinned[name] = torch.empty_like(pixels, pin_memory=True)
        return kept.copy_(pixels)
