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

"""Multi-scale cross attention: weights of the scales, independence of the views."""

import math

import pytest
import torch

from emiff_ros.model.cross_attention import MultiScaleCrossAttention, ScaleAlignment
from emiff_ros.model.recorder import StageRecorder


@pytest.fixture
def attention():
    torch.manual_seed(0)
    return MultiScaleCrossAttention(6, has_vehicle=True, has_infrastructure=True).eval()


def levels():
    return [torch.randn(2, 6, 16 >> k, 24 >> k) for k in range(4)]


def test_vehicle_is_the_mean_of_its_scales(attention):
    with StageRecorder() as recorder:
        vehicle = attention.align_vehicle(levels())
    scales = [recorder.stages[f'dcn_up_v{k}'] for k in range(4)]
    assert torch.allclose(vehicle, sum(scales) / 4, atol=1e-6)


def test_infrastructure_is_weighted_by_the_vehicle(attention):
    feature, vehicle = torch.randn(2, 6, 16, 24), torch.randn(2, 6, 16, 24)
    with StageRecorder() as recorder:
        fused = attention.align_infrastructure(feature, vehicle)
    scales = torch.stack([recorder.stages[f'dcn_up_i{k}'] for k in range(4)], dim=1)
    scores = torch.einsum('bc,bkc->bk', vehicle.mean((2, 3)), scales.mean((3, 4))) / math.sqrt(6)
    expected = torch.einsum('bk,bkchw->bchw', scores.softmax(1), scales)
    assert torch.allclose(fused, expected, atol=1e-5)


def test_without_vehicle_the_scales_are_averaged():
    torch.manual_seed(0)
    attention = MultiScaleCrossAttention(6, has_vehicle=False, has_infrastructure=True).eval()
    with StageRecorder() as recorder:
        fused = attention.align_infrastructure(torch.randn(1, 6, 16, 24), None)
    scales = [recorder.stages[f'dcn_up_i{k}'] for k in range(4)]
    assert torch.allclose(fused, sum(scales) / 4, atol=1e-6)
    assert attention.vehicle_alignment is None


def test_doubling_aligns_corners():
    """Quirk: bilinear with align_corners=True."""
    upsample = ScaleAlignment(4, 1, 'v').upscale[0]
    ramp = torch.tensor([[[[0.0, 3.0]]]])
    assert upsample(ramp)[0, 0, 0].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize('scale', [0, 1, 2, 3])
def test_every_scale_ends_at_the_finest_size(scale):
    align = ScaleAlignment(4, scale, 'i').eval()
    assert align(torch.randn(1, 4, 16 >> scale, 24 >> scale)).shape == (1, 4, 16, 24)
