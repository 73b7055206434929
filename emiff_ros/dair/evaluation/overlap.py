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

"""Intersection over union of 3D boxes: polygons from above, heights multiplied in.

The polygon work is shapely's, one vectorised call over all candidate pairs of all frames.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
import shapely

from emiff_ros.dair.evaluation.protocols import RING_FROM_REAR_RIGHT

_SMALLEST_AREA = 1e-9


class BoxSet:
    """Footprints, heights and volumes of boxes, computed once.

    The footprint is the bottom face seen from above; bottom and top height are those of the first
    corner of each ring, and the volume is the product of three edges, also for leaning boxes.
    """

    def __init__(
        self, corners: NDArray[np.float64], ring: Sequence[int] = RING_FROM_REAR_RIGHT
    ) -> None:
        """Read corners [N, 8, 3] in the order ``ring`` (bottom counter-clockwise, then top)."""
        ordered = corners[:, list(ring)]
        footprint = ordered[:, :4, :2]
        self.polygons = shapely.polygons(footprint)
        self.areas = shapely.area(self.polygons)
        self.usable = (self.areas > _SMALLEST_AREA) & shapely.is_valid(self.polygons)
        self.bottoms, self.tops = ordered[:, 0, 2], ordered[:, 4, 2]
        self.volumes = np.prod(
            [np.linalg.norm(ordered[:, 0] - ordered[:, other], axis=1) for other in (1, 4)], axis=0
        ) * np.linalg.norm(ordered[:, 1] - ordered[:, 2], axis=1)
        self.centres = footprint.mean(axis=1)
        self.radii = np.linalg.norm(footprint - self.centres[:, None], axis=2).max(
            axis=1, initial=0.0
        )


def close_pairs(
    first: BoxSet, second: BoxSet, first_rows: slice, second_rows: slice
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the index pairs of boxes whose footprints can touch (enclosing circles overlap)."""
    offsets = first.centres[first_rows, None] - second.centres[None, second_rows]
    reach = first.radii[first_rows, None] + second.radii[None, second_rows]
    rows, columns = np.nonzero((offsets**2).sum(axis=2) <= reach**2)
    return rows + first_rows.start, columns + second_rows.start


def intersection_over_union(
    first: BoxSet, second: BoxSet, rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the 3D and the bird's-eye IoU of box pairs (first[rows[i]], second[columns[i]]).

    Boxes without area and self-crossing footprints have IoU 0 with everything, as published.
    """
    areas = np.zeros(len(rows))
    usable = first.usable[rows] & second.usable[columns]
    areas[usable] = shapely.area(
        shapely.intersection(first.polygons[rows[usable]], second.polygons[columns[usable]])
    )
    heights = np.minimum(first.tops[rows], second.tops[columns]) - np.maximum(
        first.bottoms[rows], second.bottoms[columns]
    )
    volumes = areas * np.maximum(heights, 0.0)
    return (
        _share(volumes, first.volumes[rows] + second.volumes[columns] - volumes),
        _share(areas, first.areas[rows] + second.areas[columns] - areas),
    )


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
