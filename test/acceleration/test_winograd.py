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

"""Fewer products, the same convolution."""

import pytest
import torch
from torch import nn

from emiff_ros.acceleration import winograd
from emiff_ros.acceleration.height_convolution import HeightConvolution


@pytest.mark.parametrize('added', [False, True])
@pytest.mark.parametrize('strip_values', [1, 1 << 20])
@pytest.mark.parametrize(
    ('stride', 'padding', 'size'), [(1, 1, (4, 10, 13)), (2, 1, (6, 8, 8)), (1, 0, (3, 9, 16))]
)
def test_it_is_the_convolution(stride, padding, size, strip_values, added, monkeypatch):
    """In strips of four rows and at once; sizes that are no multiple of four included."""
    monkeypatch.setattr(winograd, '_STRIP_VALUES', strip_values)
    torch.manual_seed(2)
    convolution = nn.Conv3d(12, 20, 3, (1, 1, stride), (1, 1, padding)).requires_grad_(False)
    planes = torch.randn(size[0], 12, *size[1:]).contiguous(memory_format=torch.channels_last)
    plain = HeightConvolution(convolution, 'conv2d')(planes)
    residual = torch.randn_like(plain) if added else None
    expected = HeightConvolution(convolution, 'conv2d')(planes, residual)
    ours = winograd.WinogradConvolution(convolution)(planes, residual)
    assert ours.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(ours, expected, rtol=0, atol=3e-5)
