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

"""Box code: inverse functions, known values, refusals."""

import math

from hypothesis import given, settings, strategies
import pytest
import torch

from emiff_ros.model.box_coder import decode, encode

ANCHOR = torch.tensor([[10.0, 2.0, -1.78, 3.9, 1.6, 1.56, 0.0]])


def test_zero_offsets_give_the_anchor():
    assert torch.allclose(decode(ANCHOR, torch.zeros(1, 7)), ANCHOR)


def test_heights_refer_to_centres_although_z_is_the_bottom():
    box = decode(ANCHOR, torch.tensor([[0, 0, 0, 0, 0, math.log(2), 0]]))
    assert box[0, 5].item() == pytest.approx(3.12)
    assert box[0, 2].item() == pytest.approx(-1.78 + 0.78 - 1.56)


def test_positions_scale_with_the_diagonal():
    box = decode(ANCHOR, torch.tensor([[1.0, -1, 1, 0, 0, 0, 0.3]]))
    diagonal = math.hypot(3.9, 1.6)
    expected = [10 + diagonal, 2 - diagonal, -1.78 + 1.56, 3.9, 1.6, 1.56, 0.3]
    assert box[0].tolist() == pytest.approx(expected, abs=1e-5)


@settings(max_examples=50, deadline=None)
@given(
    strategies.lists(
        strategies.tuples(
            *[strategies.floats(-50, 50)] * 3,
            *[strategies.floats(0.1, 20)] * 3,
            strategies.floats(-4, 4),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_decode_inverts_encode(rows):
    boxes = torch.tensor(rows, dtype=torch.float64)
    anchors = ANCHOR.double().expand(len(boxes), 7)
    assert torch.allclose(decode(anchors, encode(anchors, boxes)), boxes, atol=1e-8)


def test_gradients_reach_the_offsets():
    deltas = torch.randn(3, 7, dtype=torch.float64, requires_grad=True)
    anchors = ANCHOR.double().expand(3, 7)
    assert torch.autograd.gradcheck(lambda values: decode(anchors, values), deltas)


@pytest.mark.parametrize('code', [encode, decode])
def test_shapes_are_checked(code):
    with pytest.raises(ValueError, match=r'has shape \(1, 6\); expected \[N, 7\]'):
        code(ANCHOR, torch.zeros(1, 6))
    with pytest.raises(ValueError, match='1 anchors and 2'):
        code(ANCHOR, torch.zeros(2, 7))
