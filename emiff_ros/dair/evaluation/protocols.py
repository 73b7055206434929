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

"""The named evaluation protocols: which boxes count, and how their corners are read.

All of them share matching and average precision; none of them is KITTI's or COCO's. Sources: the
evaluation scripts of OpenDAIRV2X (AIR-THU/DAIR-V2X) and of EMIFF (arXiv 2402.15272).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Distance ranges along the vehicle's x axis, metres.
RANGES: Mapping[str, tuple[float, float]] = {
    'overall': (0.0, 100.0),
    '0-30': (0.0, 30.0),
    '30-50': (30.0, 50.0),
    '50-100': (50.0, 100.0),
}

_HALF_WIDTH = 39.68
_LOWEST, _HIGHEST = -3.0, 1.0
_HALF_WIDTH_OF_CENTRES = 40.0

Corners = NDArray[np.float64]
KeepBoxes = Callable[[Corners, tuple[float, float]], NDArray[np.bool_]]

# Bottom ring counter-clockwise, then the top ring above it, as indices into box_corners' order.
# Where each ring starts matters for boxes that lean: bottom and top height are taken there.
RING_FROM_REAR_RIGHT = (0, 4, 7, 3, 1, 5, 6, 2)
RING_FROM_REAR_LEFT = (3, 0, 4, 7, 2, 1, 5, 6)


def any_corner_inside(corners: Corners, x_range: tuple[float, float]) -> NDArray[np.bool_]:
    """Keep boxes of which at least one corner is in the range box (z from -3 to below 1 m)."""
    x, y, z = np.moveaxis(corners, -1, 0)
    inside = (
        (x >= x_range[0])
        & (x <= x_range[1])
        & (np.abs(y) <= _HALF_WIDTH)
        & (z >= _LOWEST)
        & (z < _HIGHEST)
    )
    return inside.any(axis=1)


def centre_inside(corners: Corners, x_range: tuple[float, float]) -> NDArray[np.bool_]:
    """Keep boxes whose centre is strictly inside the range seen from above (|y| < 40 m)."""
    x, y = corners[..., :2].mean(axis=1).T
    return (x > x_range[0]) & (x < x_range[1]) & (np.abs(y) < _HALF_WIDTH_OF_CENTRES)


def any_corner_inside_a_bin(corners: Corners, x_range: tuple[float, float]) -> NDArray[np.bool_]:
    """Keep all boxes overall, and within a distance bin those with a corner in it."""
    if x_range == RANGES['overall']:
        return np.ones(len(corners), dtype=bool)
    return any_corner_inside(corners, x_range)


@dataclass(frozen=True)
class Protocol:
    """How one published evaluation selects and reads boxes.

    Attributes:
        name: printed beside every number.
        keep_ground_truth: mask of ground-truth boxes [G, 8, 3] that count in an x range.
        keep_predictions: the same for predictions.
        upright_ground_truth: ground truth is the upright box around a label; otherwise its true
            corners, which lean with the vehicle.
        ground_truth_ring: corner order in which ground truth is read.
        dummy_box: a frame without a counted prediction adds a false positive of score 0.
    """

    name: str
    keep_ground_truth: KeepBoxes
    keep_predictions: KeepBoxes
    upright_ground_truth: bool
    ground_truth_ring: tuple[int, ...]
    dummy_box: bool


PROTOCOLS: Mapping[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            name='opendairv2x',
            keep_ground_truth=any_corner_inside,
            keep_predictions=any_corner_inside,
            upright_ground_truth=False,
            ground_truth_ring=RING_FROM_REAR_LEFT,
            dummy_box=False,
        ),
        # EMIFF's test script, with the published distance bins instead of its hard-coded 0-100 m.
        Protocol(
            name='emiff_test',
            keep_ground_truth=centre_inside,
            keep_predictions=any_corner_inside,
            upright_ground_truth=True,
            ground_truth_ring=RING_FROM_REAR_RIGHT,
            dummy_box=True,
        ),
        # EMIFF's validation during training; the distance bins are not EMIFF's.
        Protocol(
            name='emiff_val',
            keep_ground_truth=centre_inside,
            keep_predictions=any_corner_inside_a_bin,
            upright_ground_truth=True,
            ground_truth_ring=RING_FROM_REAR_RIGHT,
            dummy_box=False,
        ),
    )
}


def find_protocol(name: str) -> Protocol:
    """Return the protocol of that name.

    Raises:
        ValueError: if there is none; the message lists the names.
    """
    if name not in PROTOCOLS:
        raise ValueError(f'no protocol {name!r}; choose one of {sorted(PROTOCOLS)}')
    return PROTOCOLS[name]
