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

"""A calibrated camera as the network sees it: intrinsics, extrinsics, image size."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from emiff_ros.geometry import determinant_of


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole camera at the network's input size, before padding.

    Attributes:
        intrinsics: [3, 3], pixels; the last row is 0 0 1.
        camera_from_vehicle: [3, 4] affine transform from the vehicle's LiDAR frame (x forward, y
            left, z up, metres) to the optical frame (x right, y down, z forward). It need not be
            rigid: the roadside extrinsics of DAIR-V2X are not.
        image_size: height and width in pixels.

    Anything array-like is taken and kept as a float64 tensor on the CPU; transforms are composed
    in float64 before they come here and become float32 inside the network.

    Raises:
        ValueError: for a wrong shape, a number that is not finite, a singular matrix or an image
            size below 1.
    """

    intrinsics: Tensor
    camera_from_vehicle: Tensor
    image_size: tuple[int, int]

    def __post_init__(self) -> None:
        """Convert to float64 and check."""
        intrinsics = _matrix('intrinsics', self.intrinsics, (3, 3))
        last_row = intrinsics[2].tolist()
        if last_row != [0.0, 0.0, 1.0]:
            raise ValueError(f'the last row of intrinsics is {last_row}; expected 0, 0, 1')
        camera_from_vehicle = _matrix('camera_from_vehicle', self.camera_from_vehicle, (3, 4))
        if len(self.image_size) != 2 or min(self.image_size) < 1:
            raise ValueError(
                f'image_size is {self.image_size}; expected (height, width), each at least 1 pixel'
            )
        height, width = self.image_size
        object.__setattr__(self, 'intrinsics', intrinsics)
        object.__setattr__(self, 'camera_from_vehicle', camera_from_vehicle)
        object.__setattr__(self, 'image_size', (int(height), int(width)))

    def scaled(self, image_size: tuple[int, int]) -> 'Camera':
        """Return the camera of the same picture resized to ``image_size`` (height, width)."""
        new_height, new_width = image_size
        height, width = self.image_size
        scale = torch.tensor([[new_width / width], [new_height / height], [1.0]])
        return Camera(self.intrinsics * scale.double(), self.camera_from_vehicle, image_size)


class CameraBatch(NamedTuple):
    """Cameras of one batch as float32 tensors on the network's device.

    Attributes:
        intrinsics: [B, 3, 3], pixels.
        camera_from_vehicle: [B, 3, 4].
        image_sizes: [B, 2], height and width in pixels, unpadded.
    """

    intrinsics: Tensor
    camera_from_vehicle: Tensor
    image_sizes: Tensor

    @classmethod
    def stack(cls, cameras: Sequence[Camera], device: torch.device | str = 'cpu') -> 'CameraBatch':
        """Stack cameras in the order of the batch."""
        return cls(
            torch.stack([camera.intrinsics for camera in cameras]).float().to(device),
            torch.stack([camera.camera_from_vehicle for camera in cameras]).float().to(device),
            torch.tensor([camera.image_size for camera in cameras]).float().to(device),
        )


def _matrix(name: str, values: Any, shape: tuple[int, int]) -> Tensor:
    """Return a matrix as a tensor after checks on plain numbers, which are fast for a dozen."""
    if isinstance(values, Tensor):
        values = values.detach().to('cpu', torch.float64).numpy()
    matrix = np.asarray(values, np.float64)
    if matrix.shape != shape:
        raise ValueError(f'{name} has shape {matrix.shape}; expected {list(shape)}')
    rows = matrix.tolist()
    if not all(map(math.isfinite, chain.from_iterable(rows))):
        raise ValueError(f'{name} holds a number that is not finite: {rows}')
    _require_invertible(name, [row[:3] for row in rows])
    return torch.from_numpy(matrix)


def _require_invertible(name: str, matrix: list[list[float]]) -> None:
    """Refuse a matrix whose rows span (nearly) no volume compared with their lengths."""
    determinant = determinant_of(matrix)
    if abs(determinant) <= 1e-9 * math.prod(math.hypot(*row) for row in matrix):
        raise ValueError(
            f'{name} is singular (determinant {determinant:.3g}): {matrix}; expected an '
            'invertible matrix. Check the calibration'
        )
