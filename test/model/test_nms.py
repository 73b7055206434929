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

"""Suppression by rotated IoU."""

import subprocess
import sys

from model.test_rectangles import random_boxes, shapely_iou
import pytest
import torch

from emiff_ros.model.nms import rotated_iou_bev, suppress


def rotated_nms(boxes, scores, threshold):
    return suppress(rotated_iou_bev(boxes, boxes), scores, threshold)


@pytest.mark.parametrize('n', [0, 1, 3])
@pytest.mark.parametrize('m', [0, 1, 2])
def test_cardinality(n, m):
    assert rotated_iou_bev(random_boxes(0, n), random_boxes(1, m)).shape == (n, m)


def brute_force_nms(boxes, scores, threshold):
    overlaps = shapely_iou(boxes, boxes)
    kept = []
    for index in sorted(range(len(boxes)), key=lambda i: -scores[i]):
        if all(overlaps[index, better] < threshold for better in kept):
            kept.append(index)
    return kept


@pytest.mark.parametrize('threshold', [0.01, 0.3, 0.7])
def test_suppression_agrees_with_brute_force(device, threshold):
    boxes = random_boxes(5, 120)
    scores = torch.rand(120, generator=torch.Generator().manual_seed(0))
    kept = rotated_nms(boxes.to(device), scores.to(device), threshold)
    assert kept.tolist() == brute_force_nms(boxes, scores.tolist(), threshold)


def test_box_at_exactly_the_threshold_is_dropped():
    """Quirk: the original's CPU kernel suppresses at IoU >= threshold, its CUDA kernel at >."""
    boxes = torch.tensor([[0.0, 0, 3, 2, 0], [1.0, 0, 3, 2, 0]])
    scores = torch.tensor([0.9, 0.8])
    assert rotated_nms(boxes, scores, 0.5).tolist() == [0]
    assert rotated_nms(boxes, scores, 0.5 + 1e-7).tolist() == [0, 1]


def test_equal_scores_keep_their_order():
    boxes = torch.tensor([[0.0, 0, 1, 1, 0], [5.0, 0, 1, 1, 0], [0.1, 0, 1, 1, 0]])
    assert rotated_nms(boxes, torch.ones(3), 0.1).tolist() == [0, 1]


def test_no_boxes():
    assert rotated_nms(torch.zeros(0, 5), torch.zeros(0), 0.1).tolist() == []


NO_BOXES = """
import torch
from emiff_ros.model import nms, rectangles

def count(): return len(rectangles.overlaps.signatures), len(nms._alive.signatures)

def suppress(count):
    boxes = torch.ones(count, 5)
    return nms.suppress(nms.rotated_iou_bev(boxes, boxes, 0.2), torch.ones(count), 0.2)

suppress(0)
assert count() == (1, 1), count()
assert suppress(3).tolist() == [0]
assert count() == (1, 1), count()
"""


def test_once_without_boxes_nothing_is_left_to_compile():
    """As in a node's warm-up; in a process where no other test has had something compiled."""
    result = subprocess.run(
        [sys.executable, '-c', NO_BOXES], capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr


def test_refusals():
    with pytest.raises(ValueError, match=r'a has shape \(2, 7\); expected \[\*, 5\]'):
        rotated_iou_bev(torch.zeros(2, 7), torch.zeros(2, 5))
    with pytest.raises(ValueError, match=r'scores have shape \(3,\); expected \[2\]'):
        rotated_nms(torch.zeros(2, 5), torch.zeros(3), 0.1)
