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

"""Whether a camera sees any of the space in which a vehicle detects."""

import functools

import numpy as np
from numpy.typing import ArrayLike, NDArray

_STEPS = (24, 20, 3)
"""Samples along x, y and z: no more than about 4 m apart in the ranges that are in use."""


def sees_range(
    intrinsics: ArrayLike,
    camera_from_vehicle: ArrayLike,
    image_size: tuple[int, int],
    ranges: tuple[tuple[float, float], ...],
) -> bool:
    """Tell whether a sample of the range projects into the image, in front of the camera.

    Args:
        intrinsics: ``[3, 3]``, pixels.
        camera_from_vehicle: ``[3, 4]`` affine, metres.
        image_size: height and width, pixels.
        ranges: lower and upper bound along x, y and z of the vehicle's frame, metres.
    """
    affine = np.asarray(camera_from_vehicle, dtype=np.float64)
    in_camera = _samples(tuple(map(tuple, ranges))) @ affine[:, :3].T + affine[:, 3]
    in_front = in_camera[in_camera[:, 2] > 0]
    pixels = in_front @ np.asarray(intrinsics, dtype=np.float64).T
    u, v = pixels[:, 0] / pixels[:, 2], pixels[:, 1] / pixels[:, 2]
    height, width = image_size
    return bool(((u >= 0) & (u < width) & (v >= 0) & (v < height)).any())


@functools.lru_cache(maxsize=4)
def _samples(ranges: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    axes = [
        np.linspace(low, high, steps) for (low, high), steps in zip(ranges, _STEPS, strict=True)
    ]
    return np.stack(np.meshgrid(*axes, indexing='ij'), axis=-1).reshape(-1, 3)
