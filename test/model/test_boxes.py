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

"""Detections and the width-first convention of the original release."""

import math

import pytest
import torch

from emiff_ros import geometry
from emiff_ros.model.boxes import (
    Boxes,
    length_first_from_width_first,
    width_first_from_length_first,
)


def test_car_of_the_released_convention():
    """Quirk: the release knows a 4.5 x 1.8 car at yaw 0.4 as (1.8, 4.5) at yaw -1.171."""
    released = torch.tensor([[10.0, 2, -1.7, 1.8, 4.5, 1.5, 0.4 - math.pi / 2]])
    converted = length_first_from_width_first(released)
    assert converted[0].tolist() == pytest.approx([10, 2, -1.7, 4.5, 1.8, 1.5, 0.4], abs=1e-6)


def test_conversion_keeps_the_rectangle_and_inverts():
    boxes = torch.randn(50, 7, generator=torch.Generator().manual_seed(0)).double()
    boxes[:, 3:6] = boxes[:, 3:6].abs() + 0.1
    boxes[:, 6] = boxes[:, 6].clamp(-3, 3)
    turned = width_first_from_length_first(boxes)
    assert torch.allclose(length_first_from_width_first(turned), boxes)
    ours, theirs = geometry.box_corners(boxes.numpy()), geometry.box_corners(turned.numpy())
    for mine, other in zip(ours, theirs, strict=True):
        assert sorted(map(tuple, mine.round(6))) == sorted(map(tuple, other.round(6)))


def test_shapes_must_belong_together():
    with pytest.raises(ValueError, match=r'boxes has shape \(2, 6\); expected \[N, 7\]'):
        Boxes(torch.zeros(2, 6), torch.zeros(2), torch.zeros(2))
    with pytest.raises(ValueError, match=r'2 boxes with scores \(3,\)'):
        Boxes(torch.zeros(2, 7), torch.zeros(3), torch.zeros(2))


def test_length_and_device(device):
    boxes = Boxes(torch.zeros(2, 7), torch.zeros(2), torch.zeros(2)).to(device)
    assert len(boxes) == 2
    assert boxes.scores.device.type == device.type
