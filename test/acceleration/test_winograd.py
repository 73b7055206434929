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
from emiff_ros.acceleration.volume_neck import HeightMajorNeck
from emiff_ros.model import EmiffConfig
from emiff_ros.model.neck import VolumeNeck


@pytest.mark.parametrize('added', [False, True])
@pytest.mark.parametrize('strip_tiles', [1, 168])
@pytest.mark.parametrize(
    ('stride', 'padding', 'size'),
    [
        (1, 1, (4, 10, 13)),
        (2, 1, (6, 8, 4)),
        (1, 0, (3, 12, 18)),
    ],
)
def test_it_is_the_convolution(stride, padding, size, strip_tiles, added, monkeypatch):
    """In strips of six rows and at once; sizes that are no multiple of six included."""
    monkeypatch.setattr(winograd, '_STRIP_TILES', strip_tiles)
    torch.manual_seed(2)
    convolution = nn.Conv3d(12, 20, 3, (1, 1, stride), (1, 1, padding)).requires_grad_(False)
    planes = torch.randn(size[0], 12, *size[1:]).contiguous(memory_format=torch.channels_last)
    plain = HeightConvolution(convolution, 'conv2d')(planes)
    residual = torch.randn_like(plain) if added else None
    expected = HeightConvolution(convolution, 'conv2d')(planes, residual)
    ours = winograd.WinogradConvolution(convolution)(planes, residual)
    assert ours.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(ours, expected, rtol=0, atol=3e-5)


def test_a_result_may_overwrite_what_is_added(monkeypatch):
    """Strip by strip."""
    monkeypatch.setattr(winograd, '_STRIP_TILES', 1)
    torch.manual_seed(2)
    convolution = nn.Conv3d(8, 8, 3, padding=1).requires_grad_(False)
    ours = winograd.WinogradConvolution(convolution)
    planes, added = (
        torch.randn(3, 8, 13, 7).contiguous(memory_format=torch.channels_last) for _ in range(2)
    )
    expected = ours(planes, added)
    result = ours(planes, added, out=added)
    assert result is added
    assert torch.equal(result, expected)


def test_a_neck_leaves_its_callers_volume_as_it_is():
    config = EmiffConfig(
        fpn_channels=8,
        compression={'ratio': 8},
        voxels={'counts': (9, 14, 12)},
        neck={'kind': 'volume', 'widths': (8, 12, 16), 'out_channels': 16},
    )
    torch.manual_seed(2)
    neck = VolumeNeck(config).eval()
    volume = torch.randn(12, 14, 9, 8).permute(3, 2, 1, 0).unsqueeze(0)  # taken without a copy
    given = volume.clone()
    with torch.inference_mode():
        found = HeightMajorNeck(neck, 'winograd')(volume)
        torch.testing.assert_close(found, neck(volume), rtol=0, atol=3e-5)
    assert torch.equal(volume, given)
