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

"""From head maps to boxes: thresholds, limits, direction, conventions."""

import math

import pytest
import torch

from emiff_ros.model import EmiffConfig, HeadMaps
from emiff_ros.model.anchors import make_anchors
from emiff_ros.model.decoding import apply_direction, decode_head_maps

COUNTS = [40, 30, 12]


def config(**changes):
    return EmiffConfig.from_dict({'voxels': {'counts': COUNTS}} | changes)


def maps(detections):
    """Maps in which single anchors fire: (row, column, anchor, logit, yaw offset, bin)."""
    columns, rows, _ = COUNTS
    cls = torch.full((1, 2, rows, columns), -9.0)
    box = torch.zeros(1, 14, rows, columns)
    direction = torch.zeros(1, 4, rows, columns)
    for row, column, anchor, logit, yaw, bin_ in detections:
        cls[0, anchor, row, column] = logit
        box[0, anchor * 7 + 6, row, column] = yaw
        direction[0, anchor * 2 + bin_, row, column] = 1
    return HeadMaps(cls, box, direction)


def decode(detections, **changes):
    settings = config(**changes)
    return decode_head_maps(maps(detections), make_anchors(settings), settings)[0]


def test_autocast_does_not_round_the_boxes():
    detections = [(3, 5, 0, 2.0, 0.2, 0), (3, 6, 0, 1.0, 0.2, 0), (20, 39, 1, 3.0, 0.1, 0)]
    changes = {'detection': {'vote_threshold': 0.3}}
    expected = decode(detections, **changes)
    with torch.autocast('cpu', torch.bfloat16):
        found = decode(detections, **changes)
    assert len(found) > 1
    assert torch.equal(found.boxes, expected.boxes)


def test_channels_belong_to_the_right_anchor():
    found = decode([(3, 5, 0, 2.0, 0.2, 0), (20, 30, 1, 3.0, 0.1, 0)])
    anchors = make_anchors(config())
    index = torch.tensor([(20 * 40 + 30) * 2 + 1, (3 * 40 + 5) * 2])
    assert torch.allclose(found.boxes[:, :6], anchors[index, :6], atol=1e-5)
    assert found.boxes[:, 6].tolist() == pytest.approx([1.67 - math.pi, 0.2], abs=1e-6)
    assert found.scores.tolist() == pytest.approx([1 / (1 + math.exp(-x)) for x in (3, 2)])
    assert found.labels.tolist() == [0, 0]


def test_score_threshold_is_strict():
    logit = math.log(0.5 / 0.5)
    assert len(decode([(3, 5, 0, logit, 0, 0)], detection={'score_threshold': 0.5})) == 0
    assert len(decode([(3, 5, 0, logit, 0, 0)], detection={'score_threshold': 0.499})) == 1


def test_candidates_and_boxes_are_limited():
    spread = [
        (row, column, 0, 1 + 0.01 * row, 0, 0) for row in range(0, 30, 6) for column in (2, 9)
    ]
    assert len(decode(spread)) == 10
    assert len(decode(spread, detection={'candidates': 4})) == 4
    limited = decode(spread, detection={'max_boxes': 3})
    assert len(limited) == 3
    assert limited.scores.diff().max() <= 0


def test_suppression_ignores_the_direction():
    """Quirk: NMS at IoU 0.01 comes before the direction is repaired."""
    assert EmiffConfig().detection.nms_threshold == 0.01
    found = decode([(3, 5, 0, 2.0, 0, 0), (3, 5, 1, 1.0, 0, 1), (3, 7, 0, 1.5, 0, 1)])
    assert len(found) == 2


def test_candidates_are_limited_before_the_threshold_and_boxes_after_suppression():
    """Quirk: the best 100 anchors are taken first; crowded ones leave no room for others."""
    crowd = [(3, 5, 0, 5.0, 0, 0), (3, 5, 1, 4.0, 0, 0), (20, 30, 0, 3.0, 0, 0)]
    assert len(decode(crowd)) == 2
    assert len(decode(crowd, detection={'candidates': 2})) == 1


def test_nothing_found():
    found = decode([])
    assert found.boxes.shape == (0, 7)
    assert found.scores.shape == (0,)


@pytest.mark.parametrize('yaw', [-5.0, -math.pi / 2, -0.3, 0.0, 1.4, 1.6, 3.0, 8.0])
@pytest.mark.parametrize('bin_', [0, 1])
def test_direction_chooses_the_half_plane(yaw, bin_):
    box = torch.tensor([[0.0, 0, 0, 4, 2, 1, yaw]], dtype=torch.float64)
    fixed = apply_direction(box, torch.tensor([bin_]))[0, 6].item()
    low = -math.pi / 2 + math.pi * bin_
    assert low - 1e-9 <= fixed < low + math.pi + 1e-9
    assert math.sin(2 * fixed) == pytest.approx(math.sin(2 * yaw), abs=1e-9)
    assert math.cos(2 * fixed) == pytest.approx(math.cos(2 * yaw), abs=1e-9)


def test_width_first_weights_publish_lengths_along_the_heading():
    """Quirk: the release's dx is the width; its boxes come out as length first all the same."""
    plain = decode([(3, 5, 0, 2.0, 0.2, 0)])
    turned = decode([(3, 5, 0, 2.0, 0.2, 0)], box_convention='width_first')
    assert turned.boxes[0, 3:5].tolist() == plain.boxes[0, [4, 3]].tolist()
    assert turned.boxes[0, 6].item() == pytest.approx(plain.boxes[0, 6].item() + math.pi / 2)


def test_samples_are_decoded_apart():
    settings = config()
    one, two = maps([(3, 5, 0, 2.0, 0, 0)]), maps([(9, 9, 0, 2.0, 0, 0), (20, 20, 1, 1.0, 0, 0)])
    both = HeadMaps(*(torch.cat(pair) for pair in zip(one, two, strict=True)))
    found = decode_head_maps(both, make_anchors(settings), settings)
    assert [len(boxes) for boxes in found] == [1, 2]
