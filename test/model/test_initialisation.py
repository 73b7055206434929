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

"""Weights before training."""

import math

import pytest
import torch

from emiff_ros.model import Emiff, EmiffConfig


@pytest.fixture(scope='module')
def model():
    torch.manual_seed(0)
    return Emiff(EmiffConfig.from_dict({'backbone': {'depth': 18, 'widths': [8, 8, 16, 16]}}))


def test_head_scores_one_percent(model):
    assert torch.sigmoid(model.head.classify.bias).tolist() == pytest.approx([0.01, 0.01])
    assert model.head.regress.weight.std().item() == pytest.approx(0.01, rel=0.1)
    assert model.head.regress.bias.abs().max() == 0


def test_pyramid_is_xavier_uniform(model):
    convolution = model.vehicle_encoder.pyramid.output[0]
    bound = math.sqrt(6 / (2 * 64 * 9))
    assert convolution.bias.abs().max() == 0
    assert 0.95 * bound < convolution.weight.abs().max() <= bound


def test_neck_is_kaiming_over_outputs(model):
    weight = model.neck.layers[1][0][0].weight
    assert weight.std().item() == pytest.approx(math.sqrt(2 / (128 * 27)), rel=0.05)


def test_offsets_are_zero_and_deformable_weights_are_not(model):
    deformable = model.cross_attention.vehicle_alignment.scales[0].deformable
    assert deformable.offset.weight.abs().max() == deformable.offset.bias.abs().max() == 0
    bound = math.sqrt(6 / (64 * 9))
    assert 0.95 * bound < deformable.weight.abs().max() <= bound
