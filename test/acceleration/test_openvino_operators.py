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

"""OpenVINO's deformable convolution is the network's, wherever its taps lie."""

import pytest
import torch

from emiff_ros.acceleration.openvino_operators import DeformableOperator, use_operators
from emiff_ros.acceleration.openvino_program import OpenVinoProgram
from emiff_ros.model.cross_attention import ScaleAlignment


def both(deformable, norm, x):
    """Return what PyTorch and OpenVINO make of the operator."""
    operator = DeformableOperator(deformable, norm)
    return operator(x), OpenVinoProgram(lambda x: [operator(x)])(x)[0]


@pytest.mark.parametrize('size', [(11, 20), (1, 1), (6, 5)])
@pytest.mark.parametrize('reach', [0.0, 1.5, 100.0])
def test_it_is_the_convolution(deformable, norm, size, reach):
    """Taps near and far outside the map included."""
    deformable.offset.bias.uniform_(-reach, reach)
    x = torch.randn(2, 8, *size)
    for ours in both(deformable, norm, x):
        torch.testing.assert_close(ours, norm(deformable(x)), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize('value', [float('nan'), float('inf'), -float('inf'), 1e30, -1e30])
def test_taps_at_no_number_or_out_of_the_world_read_nothing(deformable, norm, value):
    """Above all they read no memory that is not theirs."""
    deformable.offset.bias.fill_(value)
    x = torch.randn(1, 8, 6, 5)
    _, ours = both(deformable, norm, x)
    torch.testing.assert_close(ours, norm(torch.zeros(1, 8, 6, 5)), rtol=1e-5, atol=1e-5)


def test_every_alignment_gets_its_operator():
    torch.manual_seed(4)
    alignment = ScaleAlignment(8, 1, 'v').eval().requires_grad_(False)
    alignment.norm.running_mean.normal_()
    x = torch.randn(1, 8, 4, 6)
    expected = alignment(x)
    use_operators(alignment)
    assert isinstance(alignment.deformable, DeformableOperator)
    torch.testing.assert_close(alignment(x), expected, rtol=1e-5, atol=1e-5)
