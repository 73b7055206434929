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

"""The anchor assignment on boxes whose answer is known by hand."""

import math

import pytest
import torch

from emiff_ros.training.targets import (
    AnchorAssigner,
    AssignerConfig,
    direction_bin,
    nearest_bev,
    rectangle_iou,
)


def _row(x, y=0.0, length=4.0, width=2.0, yaw=0.0):
    return [x, y, -1.0, length, width, 1.5, yaw]


@pytest.fixture
def assigner():
    """Anchors 1 m apart along x; the last one stands across."""
    anchors = [_row(float(x)) for x in range(10)] + [_row(20.0, yaw=math.pi / 2)]
    return AnchorAssigner(torch.tensor(anchors))


def test_nearest_bev_folds_yaw():
    boxes = torch.tensor([_row(0.0, yaw=math.pi), _row(0.0, yaw=-1.5), _row(0.0, yaw=0.7)])
    expected = [[-2, -1, 2, 1], [-1, -2, 1, 2], [-2, -1, 2, 1]]
    assert nearest_bev(boxes).tolist() == expected


def test_rectangle_iou_of_shifted_and_disjoint():
    first = torch.tensor([[0.0, 0.0, 4.0, 2.0]])
    second = torch.tensor([[2.0, 0.0, 6.0, 2.0], [10.0, 0.0, 12.0, 2.0]])
    assert rectangle_iou(first, second)[0].tolist() == pytest.approx([1 / 3, 0.0])


def test_thresholds(assigner):
    # Anchors at distance 0, 1, 2 m of the box overlap by 1, 3/5 and 1/3.
    assigned = assigner.assign(torch.tensor([_row(5.0)]))
    assert assigned.tolist() == [-1, -1, -1, -1, 0, 0, 0, -1, -1, -1, -1]
    strict = AnchorAssigner(assigner.anchors, AssignerConfig(positive_iou=0.7))
    assert strict.assign(torch.tensor([_row(5.0)])).tolist()[4:7] == [-2, 0, -2]


def test_a_box_takes_its_best_anchor_below_the_threshold(assigner):
    # A box twice as long reaches 0.5 at best, on several anchors at once.
    assigned = assigner.assign(torch.tensor([_row(5.0, length=8.0)]))
    assert (assigned[3:8] == 0).all() and (assigned[[0, 1, 9, 10]] == -1).all()


def test_later_box_wins_a_shared_anchor(assigner):
    boxes = torch.tensor([_row(20.0, yaw=1.57), _row(20.0, yaw=1.57)])
    assert assigner.assign(boxes)[10] == 1


def test_ignored_boxes_make_neither_positives_nor_negatives(assigner):
    boxes = torch.tensor([_row(1.0), _row(6.0)])
    assigned = assigner.assign(boxes, torch.tensor([False, True]))
    assert assigned[1] == 0
    assert (assigned[4:9] == -2).all()
    assert (assigned[[9, 10]] == -1)[1]
    targets = assigner.targets([boxes], [torch.tensor([True, True])])
    assert not targets.positive.any() and targets.normaliser == 1.0


def test_targets_decode_to_the_boxes(assigner):
    from emiff_ros.model import box_coder

    boxes = torch.tensor([_row(4.2, 0.1, 4.4, 1.9, 0.2), _row(20.1, 0.3, yaw=1.4)])
    targets = assigner.targets([boxes])
    anchor = targets.positive_index[:, 1]
    decoded = box_coder.decode(assigner.anchors[anchor], targets.deltas)
    owner = assigner.assign(boxes)[anchor]
    torch.testing.assert_close(decoded, boxes[owner], atol=1e-5, rtol=1e-5)


def test_direction_bin_changes_at_plus_minus_90_degrees():
    yaw = torch.tensor([0.0, 1.5, 1.6, math.pi, -1.5, -1.6])
    assert direction_bin(yaw).tolist() == [0, 0, 1, 1, 0, 1]


def test_bad_shapes_and_thresholds_are_refused(assigner):
    with pytest.raises(ValueError, match=r'\(3, 4\); expected \[N, 7\]'):
        assigner.assign(torch.zeros(3, 4))
    with pytest.raises(ValueError, match='negative_iou 0.7'):
        AssignerConfig(negative_iou=0.7)
