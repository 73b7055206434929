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

"""Late fusion: boxes of a vehicle network and of a roadside network become one list.

Matching and merging follow OpenDAIRV2X (AIR-THU/DAIR-V2X, image-based late fusion on VIC-Sync): an
optimal assignment by the distance of the centres, in which two boxes may meet if their centres are
apart by at most the roadside box's length along x, its width along y and its height along z. Of a
matched pair the vehicle's box and score stay. Unmatched boxes of both sides stay too, the
roadside's with 0.4 of their score.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from emiff_ros.dair.evaluation import PROTOCOLS, RANGES

UNMATCHED_ROADSIDE_FACTOR = 0.4
_FORBIDDEN = 1e6

Corners = NDArray[np.float64]


class ScoredBoxes(NamedTuple):
    """Corners [N, 8, 3] (vehicle frame, metres, order of ``box_corners``) and scores [N]."""

    corners: Corners
    scores: NDArray[np.float64]


def in_sent_range(boxes: ScoredBoxes) -> ScoredBoxes:
    """Keep what a roadside unit sends: boxes with a corner in the vehicle's evaluated range.

    OpenDAIRV2X cuts before it sends, as if the sender knew where the vehicle is.
    """
    keep = PROTOCOLS['opendairv2x'].keep_predictions(boxes.corners, RANGES['overall'])
    return ScoredBoxes(boxes.corners[keep], boxes.scores[keep])


def match_boxes(roadside: Corners, vehicle: Corners) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Assign roadside boxes [R, 8, 3] to vehicle boxes [V, 8, 3].

    Returns:
        Indices of the matched boxes, one array for each side.
    """
    apart = roadside.mean(axis=1)[:, None] - vehicle.mean(axis=1)[None]
    allowed = (np.abs(apart) <= _sizes(roadside)[:, None]).all(axis=2)
    cost = np.where(allowed, np.linalg.norm(apart, axis=2), _FORBIDDEN)
    rows, columns = linear_sum_assignment(cost)
    met = allowed[rows, columns]
    return rows[met], columns[met]


def fuse_boxes(vehicle: ScoredBoxes, roadside: ScoredBoxes) -> ScoredBoxes:
    """Merge both lists: all of the vehicle's boxes, and the roadside's that match none of them."""
    matched, _ = match_boxes(roadside.corners, vehicle.corners)
    alone = np.ones(len(roadside.scores), bool)
    alone[matched] = False
    return ScoredBoxes(
        np.concatenate([vehicle.corners, roadside.corners[alone]]),
        np.concatenate([vehicle.scores, UNMATCHED_ROADSIDE_FACTOR * roadside.scores[alone]]),
    )


def _sizes(corners: Corners) -> NDArray[np.float64]:
    """Return length, width and height [N, 3]."""
    edges = corners[:, [4, 3, 1]] - corners[:, [0]]
    return np.linalg.norm(edges, axis=2)
