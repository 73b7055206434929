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

"""The receiver's half of the network as the vehicle node uses it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
import torch

from emiff_ros.acceleration import AccelerationConfig, AlignedView, InputCalibration, accelerate
from emiff_ros.model import Boxes, Camera
from emiff_ros.model.weights import LoadedModel
from emiff_ros.transport.feature_header import FeatureExpectation

_LARGEST_VALUE = 1e6
"""Of a feature: a network sends values of a few units."""


class VehicleNetwork:
    """Weights on a device, and what a feature must look like to be fused with them.

    Attributes:
        config: of the network.
        expectation: what the receiver checks features against.
    """

    def __init__(
        self,
        loaded: LoadedModel,
        device: torch.device,
        acceleration: AccelerationConfig,
        calibration: InputCalibration | None = None,
    ) -> None:
        """Make a loaded network fast; 8 bits need its ``calibration``.

        Raises:
            ValueError: if a speed-up does not fit the network or lacks its calibration.
        """
        model, self.config, fingerprint = loaded
        self._network = accelerate(model.to(device).eval(), acceleration, calibration)
        self.expectation = FeatureExpectation(
            fingerprint=bytes.fromhex(fingerprint),
            image_size=self.image_size,
            channels=self.config.transmitted_shape[0],
            stride=self.config.transmitted_stride,
            image_divisor=self.config.image_divisor,
        )

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the input before padding, pixels."""
        return self.config.image_height, self.config.image_width

    @property
    def detection_ranges(self) -> tuple[tuple[float, float], ...]:
        """Lower and upper bound along x, y and z of the vehicle's frame, metres."""
        voxels = self.config.voxels
        return voxels.x_range, voxels.y_range, voxels.z_range

    def encode(self, pixels: NDArray[np.uint8]) -> torch.Tensor:
        """Encode and align RGB pixels ``[height, width, 3]``; needs no roadside data.

        The result is there when this returns, on a GPU too: the worker plans by how long it takes.
        """
        with torch.inference_mode():
            vehicle_map = self._network.encode_vehicle_picture(torch.from_numpy(pixels))
        if vehicle_map.is_cuda:
            torch.cuda.current_stream(vehicle_map.device).synchronize()
        return vehicle_map

    def align(self, feature: NDArray[np.float32]) -> tuple[torch.Tensor, ...]:
        """Do what a received feature ``[c, h, w]`` needs and no vehicle's image takes part in.

        Raises:
            ValueError: for values that no encoder sends. They need not show in the answer: 8 bits
                saturate, and a ReLU may take what is no number for zero.
        """
        largest = float(np.abs(feature).max(initial=0.0))
        if not largest < _LARGEST_VALUE:
            raise ValueError(
                f'the feature has values up to {largest:.3g}; expected less than '
                f"{_LARGEST_VALUE:.0e}: check the sender's values"
            )
        with torch.inference_mode():
            return self._network.align_infrastructure(torch.from_numpy(feature)[None])

    def detect(
        self,
        vehicle_map: torch.Tensor,
        camera: Camera,
        views: Sequence[AlignedView],
        score_threshold: float,
    ) -> Boxes:
        """Fuse the encoded image with any number of views; detections come back on the CPU.

        Raises:
            UnusableBoxesError: for boxes that are not finite or have no size.
        """
        with torch.inference_mode():
            return self._network.detect_encoded(vehicle_map, camera, views, score_threshold)

    def run_once(self, views: int = 1) -> None:
        """Fuse an empty image with ``views`` empty features, with none if it takes none."""
        height, width = self.image_size
        camera = Camera(np.diag([width, width, 1.0]), np.eye(4)[[1, 2, 0]], (height, width))
        aligned = []
        if views and self.config.has_infrastructure:
            feature = np.zeros(self.config.transmitted_shape, np.float32)
            aligned = [AlignedView(camera, self.align(feature))] * views
        vehicle_map = self.encode(np.zeros((height, width, 3), np.uint8))
        self.detect(vehicle_map, camera, aligned, self.config.detection.score_threshold)
