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

"""Compiled reads instead of ``grid_sample``: the same deformable convolution and norm."""

import pytest
import torch

from emiff_ros.acceleration import deformable_taps
from emiff_ros.acceleration.deformable_taps import TapsDeformableConv


@pytest.mark.parametrize('at_once', [1, 1 << 19])
@pytest.mark.parametrize('size', [(11, 20), (1, 1), (6, 5)])
@pytest.mark.parametrize('reach', [0.0, 1.5, 100.0])
def test_it_is_the_convolution(deformable, norm, size, at_once, reach, monkeypatch):
    """Row by row and at once; taps near and far outside the map included."""
    monkeypatch.setattr(deformable_taps, '_VALUES_AT_ONCE', at_once)
    deformable.offset.bias.uniform_(-reach, reach)
    x = torch.randn(2, 8, *size)
    ours = TapsDeformableConv(deformable, norm)(x)
    torch.testing.assert_close(ours, norm(deformable(x)), rtol=1e-5, atol=3e-5)


def test_taps_at_no_number_read_nothing(deformable, norm):
    deformable.offset.bias.fill_(float('nan'))
    ours = TapsDeformableConv(deformable, norm)(torch.randn(1, 8, 6, 5))
    nothing = norm(torch.zeros(1, 8, 6, 5))
    torch.testing.assert_close(ours, nothing)
