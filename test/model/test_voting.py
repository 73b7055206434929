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

"""Box voting on boxes whose mean can be worked out by hand."""

import math

import pytest
import torch

from emiff_ros.model.nms import rotated_iou_bev
from emiff_ros.model.voting import BIRDS_EYE, vote


def _box(x, yaw=0.0, length=4.0):
    return [x, 1.0, -1.5, length, 2.0, 1.6, yaw]


def _vote(boxes, scores, kept):
    rectangles = boxes[:, BIRDS_EYE]
    return vote(boxes, scores, rotated_iou_bev(rectangles, rectangles), torch.as_tensor(kept), 0.3)


def test_overlapping_candidates_are_averaged_by_squared_score():
    boxes = torch.tensor([_box(10.0), _box(11.0, length=5.0), _box(30.0)])
    scores = torch.tensor([0.8, 0.4, 0.6])
    voted = _vote(boxes, scores, [0, 2])
    assert voted[0, 0].item() == pytest.approx((0.64 * 10 + 0.16 * 11) / 0.8)
    assert voted[0, 3].item() == pytest.approx((0.64 * 4 + 0.16 * 5) / 0.8)
    torch.testing.assert_close(voted[1], boxes[2])


def test_a_candidate_below_the_threshold_has_no_vote():
    boxes = torch.tensor([_box(10.0), _box(13.0)])
    voted = _vote(boxes, torch.tensor([0.8, 0.8]), [0])
    torch.testing.assert_close(voted[0], boxes[0])


@pytest.mark.parametrize('turn', [0.0, math.pi, -math.pi])
def test_yaw_is_averaged_modulo_half_a_turn_and_stays_near_the_winner(turn):
    boxes = torch.tensor([_box(10.0, 1.5), _box(10.0, 1.7 + turn)])
    voted = _vote(boxes, torch.tensor([0.5, 0.5]), [0])
    assert voted[0, 6].item() == pytest.approx(1.6, abs=1e-5)


def test_no_box_is_no_box():
    voted = _vote(torch.zeros(0, 7), torch.zeros(0), torch.zeros(0, dtype=torch.int64))
    assert voted.shape == (0, 7)
