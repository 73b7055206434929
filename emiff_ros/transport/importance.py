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

"""Where in a roadside image a lost digit costs a vehicle most: a weight for each cell.

A receiver samples the feature at points that are evenly spread over the ground, so a cell tells as
much as the ground that it sees is large: by the cube of its distance. Near the station many cells
share one point; above the horizon there is nothing to sample. Only the station's own camera
decides, not any vehicle, so one message still serves all.
"""

import functools

import numpy as np
from numpy.typing import NDArray

from emiff_ros.transport.feature_header import FeatureHeader

FARTHEST = 0.07
"""Sine of the depression below which a cell cannot place a car: 100 m from a camera 7 m high."""

_LEAST = 1e-5  # keeps the order of what is worth nothing


def ground_importance(header: FeatureHeader, shape: tuple[int, int, int]) -> NDArray[np.float32]:
    """Return the importance ``[H, W]`` (0 to 1) of the cells of a tensor of ``shape``, read-only.

    Args:
        header: of the feature; its map frame has z up.
        shape: channels, height and width of the tensor.
    """
    intrinsics, linear = header.intrinsics, header.camera_from_map[:, :3]
    numbers = tuple(np.concatenate([intrinsics.ravel(), linear.ravel()]).tolist())
    return _importance(tuple(shape[1:]), tuple(header.padded_size), numbers)


@functools.lru_cache(maxsize=4)
def _importance(
    size: tuple[int, int], padded_size: tuple[int, int], numbers: tuple[float, ...]
) -> NDArray[np.float32]:
    """Compute it once for a camera that rests: intrinsics and rotation row by row."""
    intrinsics, linear = np.array(numbers).reshape(2, 3, 3)
    rows, columns = (
        (np.arange(cells) + 0.5) * (side / cells) - 0.5
        for cells, side in zip(size, padded_size, strict=True)
    )
    down = -linear[:, 2] / np.linalg.norm(linear[:, 2])
    y = (rows[:, None] - intrinsics[1, 2]) / intrinsics[1, 1]
    x = (columns - intrinsics[0, 2] - intrinsics[0, 1] * y) / intrinsics[0, 0]
    depression = (down[0] * x + down[1] * y + down[2]) / np.sqrt(x * x + y * y + 1)
    seen = depression >= FARTHEST
    weight = np.where(seen, (FARTHEST / np.where(seen, depression, 1)) ** 3, _LEAST)
    # Sampling interpolates, so a cell matters as much as its neighbour below or above.
    weight[:-1] = np.maximum(weight[:-1], weight[1:])
    weight[1:] = np.maximum(weight[1:], weight[:-1])
    importance = weight.astype(np.float32)
    importance.setflags(write=False)
    return importance
