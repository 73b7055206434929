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

"""IoU of boxes against values known in closed form."""

import numpy as np
import pytest

from emiff_ros.dair.evaluation.overlap import BoxSet, close_pairs, intersection_over_union
from emiff_ros.dair.evaluation.protocols import RING_FROM_REAR_LEFT, RING_FROM_REAR_RIGHT
from emiff_ros.geometry import box_corners


def iou(first, second):
    sets = [BoxSet(box_corners([box])) for box in (first, second)]
    values = intersection_over_union(*sets, np.array([0]), np.array([0]))
    return values[0][0], values[1][0]


def test_shift_along_one_axis():
    spatial, flat = iou([0, 0, 0, 4, 2, 1, 0], [1, 0, 0.5, 4, 2, 1, 0])
    assert flat == pytest.approx(6 / 10)
    assert spatial == pytest.approx(3 / 13)


def test_square_turned_by_45_degrees():
    _, flat = iou([5, 5, 0, 2, 2, 1, 0], [5, 5, 0, 2, 2, 1, np.pi / 4])
    overlap = 8 * (np.sqrt(2) - 1)
    assert flat == pytest.approx(overlap / (8 - overlap))


@pytest.mark.parametrize('yaw', [0.0, 0.7, np.pi / 2, -2.5])
def test_a_box_with_itself_and_with_its_reverse(yaw):
    box = [30, -4, -1.7, 4.5, 1.8, 1.5, yaw]
    assert iou(box, box) == pytest.approx((1, 1))
    reverse = [*box[:6], yaw + np.pi]
    assert iou(box, reverse) == pytest.approx((1, 1))


def test_boxes_that_touch_or_miss_or_have_no_area():
    box = [0, 0, 0, 4, 2, 1, 0]
    assert iou(box, [4, 0, 0, 4, 2, 1, 0]) == (0, 0)
    assert iou(box, [9, 0, 0, 4, 2, 1, 0]) == (0, 0)
    assert iou(box, [0, 0, 0, 0, 0, 0, 0]) == (0, 0)
    assert iou(box, [0, 0, 2, 4, 2, 1, 0]) == pytest.approx((0, 1))


def test_crossed_footprints_have_no_overlap_instead_of_an_error():
    corners = box_corners([[0, 0, 0, 4, 2, 1, 0]])
    crossed = BoxSet(corners[:, [4, 1, 2, 3, 0, 5, 6, 7]])
    values = intersection_over_union(BoxSet(corners), crossed, np.array([0]), np.array([0]))
    assert values[1][0] == 0


def test_heights_of_leaning_boxes_depend_on_where_the_ring_starts():
    roll = 0.05
    lean = np.array([[1, 0, 0], [0, np.cos(roll), -np.sin(roll)], [0, np.sin(roll), np.cos(roll)]])
    corners = box_corners([[0, 0, 0, 4, 2, 1.5, 0]]) @ lean.T
    right = BoxSet(corners, RING_FROM_REAR_RIGHT)
    left = BoxSet(corners, RING_FROM_REAR_LEFT)
    assert left.bottoms[0] - right.bottoms[0] == pytest.approx(2 * np.sin(roll))
    assert left.volumes[0] == pytest.approx(right.volumes[0]) == pytest.approx(12.0)
    assert left.areas[0] == pytest.approx(right.areas[0])


def test_close_pairs_are_all_pairs_that_overlap():
    generator = np.random.default_rng(3)
    low, high = [0, 0, 0, 1, 1, 1, -3], [15, 15, 1, 5, 3, 2, 3]
    first, second = (BoxSet(box_corners(generator.uniform(low, high, (30, 7)))) for _ in range(2))
    rows, columns = (grid.ravel() for grid in np.indices((30, 30)))
    _, flat = intersection_over_union(first, second, rows, columns)
    near = close_pairs(first, second, slice(0, 30), slice(0, 30))
    overlapping = set(zip(rows[flat > 0], columns[flat > 0], strict=True))
    assert overlapping and overlapping <= set(zip(*near, strict=True))
    assert len(near[0]) < 900
    part = close_pairs(first, second, slice(10, 20), slice(5, 9))
    assert set(part[0]) <= set(range(10, 20)) and set(part[1]) <= set(range(5, 9))
