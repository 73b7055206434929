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

"""Matching and merging of two lists of boxes, on cases worked by hand."""

import numpy as np
import pytest

from emiff_ros.comparison.late_fusion import ScoredBoxes, fuse_boxes, in_sent_range, match_boxes
from emiff_ros.geometry import box_corners


def boxes(*places, yaw=0.0, scores=None):
    """Return cars of 4 x 2 x 1.5 m at (x, y) or (x, y, z of the bottom)."""
    rows = [
        [*place[:2], *(place[2:] if len(place) > 2 else (-1.5,)), 4.0, 2.0, 1.5, yaw]
        for place in places
    ]
    scores = np.full(len(places), 0.5) if scores is None else np.asarray(scores)
    return ScoredBoxes(box_corners(np.array(rows).reshape(-1, 7)), scores)


@pytest.mark.parametrize(
    ('apart', 'matched'),
    [
        ((3.9, 0.0, -1.5), True),
        ((4.1, 0.0, -1.5), False),
        ((0.0, 1.9, -1.5), True),
        ((0.0, 2.1, -1.5), False),
        ((0.0, 0.0, -0.1), True),
        ((0.0, 0.0, 0.1), False),
    ],
)
@pytest.mark.parametrize('yaw', [0.0, 1.2])
def test_boxes_match_within_length_width_and_height(apart, matched, yaw):
    """The gate lies along the vehicle's axes, however the boxes are turned."""
    x, y, z = apart
    roadside = boxes((20.0, 3.0), yaw=yaw).corners
    rows, columns = match_boxes(roadside, boxes((20.0 + x, 3.0 + y, z), yaw=yaw).corners)
    assert (rows.tolist(), columns.tolist()) == (([0], [0]) if matched else ([], []))


def test_the_roadside_box_decides_how_far_apart():
    truck = box_corners(np.array([[20.0, 0.0, -1.5, 9.0, 2.5, 3.5, 0.0]]))
    car = boxes((26.0, 0.0)).corners
    assert len(match_boxes(truck, car)[0]) == 1
    assert len(match_boxes(car, truck)[0]) == 0


def test_the_sum_of_distances_is_smallest_not_each_one():
    """Roadside A is nearest to vehicle 1, but only A reaches 2, so that B takes 1."""
    roadside = boxes((10.0, 0.0), (7.5, 0.0)).corners
    vehicle = boxes((9.5, 0.0), (13.0, 0.0)).corners
    rows, columns = match_boxes(roadside, vehicle)
    assert dict(zip(rows.tolist(), columns.tolist(), strict=True)) == {0: 1, 1: 0}


def test_the_vehicle_is_trusted_and_lonely_roadside_boxes_count_less():
    vehicle = boxes((10.0, 0.0), (30.0, 5.0), scores=[0.3, 0.6])
    roadside = boxes((11.0, 0.5), (60.0, -8.0), scores=[0.9, 0.8])
    fused = fuse_boxes(vehicle, roadside)
    np.testing.assert_allclose(fused.scores, [0.3, 0.6, 0.32])
    np.testing.assert_allclose(fused.corners[:2], vehicle.corners)
    np.testing.assert_allclose(fused.corners[2], roadside.corners[1])


@pytest.mark.parametrize('seed', range(5))
def test_one_side_alone(seed):
    some = boxes(*np.random.default_rng(seed).uniform(-30, 30, (4, 2)))
    none = boxes()
    np.testing.assert_allclose(fuse_boxes(some, none).scores, some.scores)
    np.testing.assert_allclose(fuse_boxes(none, some).scores, 0.4 * some.scores)
    assert len(fuse_boxes(none, none).scores) == 0


def test_boxes_out_of_the_range_are_not_sent():
    sent = in_sent_range(boxes((50.0, 0.0), (103.0, 0.0), (101.0, 0.0), (-1.9, 0.0), (50.0, 45.0)))
    np.testing.assert_allclose(sent.corners[:, :, 0].mean(axis=1), [50.0, 101.0, -1.9])
