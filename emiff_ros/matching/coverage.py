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
_SPARSE = 37
"""Every so many samples are looked at first: no divisor of their numbers, so from all sides."""


def sees_range(
    intrinsics: ArrayLike,
    camera_from_vehicle: ArrayLike,
    image_size: tuple[int, int],
    ranges: tuple[tuple[float, float], ...],
) -> bool:
    """Tell whether a sample of the range projects into the image, in front of the camera.

    Args:
        intrinsics: ``[3, 3]``, pixels; the last row is 0 0 1.
        camera_from_vehicle: ``[3, 4]`` affine, metres.
        image_size: height and width, pixels.
        ranges: lower and upper bound along x, y and z of the vehicle's frame, metres.
    """
    projection = np.asarray(intrinsics, np.float64) @ np.asarray(camera_from_vehicle, np.float64)
    samples = _samples(tuple(map(tuple, ranges)))
    # Most cameras that see the range see one of a few samples, too.
    return any(
        _sees_one(projection @ points, image_size) for points in (samples[:, ::_SPARSE], samples)
    )


def _sees_one(points: NDArray[np.float64], image_size: tuple[int, int]) -> bool:
    """Tell whether one of the projected points ``[3, N]`` lies in the image."""
    x, y, depth = points
    height, width = image_size
    seen = (depth > 0) & (x >= 0) & (y >= 0) & (x < width * depth) & (y < height * depth)
    return bool(seen.any())


@functools.lru_cache(maxsize=4)
def _samples(ranges: tuple[tuple[float, float], ...]) -> NDArray[np.float64]:
    """Return points of the vehicle's frame as homogeneous columns ``[4, N]``."""
    axes = [
        np.linspace(low, high, steps) for (low, high), steps in zip(ranges, _STEPS, strict=True)
    ]
    points = np.stack(np.meshgrid(*axes, indexing='ij')).reshape(3, -1)
    return np.vstack([points, np.ones(points.shape[1])])
