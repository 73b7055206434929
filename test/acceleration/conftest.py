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

"""Fixtures of the acceleration tests: the golden cases' networks, on every device there is."""

import functools

from model.golden_cases import GOLDEN, SMALL, SMALL_S4
import numpy as np
import pytest
import torch
from torch import nn

from emiff_ros.model import Camera
from emiff_ros.model.config import EmiffConfig
from emiff_ros.model.deformable import DeformableConv
from emiff_ros.share import share_directory

DEVICES = ['cpu'] + (['cuda'] if torch.cuda.is_available() else [])

CASES = {case.name: case for case in (SMALL, SMALL_S4)}


@pytest.fixture(autouse=True)
def _unrounded_convolutions(monkeypatch):
    """Compare with a plain network whose convolutions are not rounded to TF32 on a GPU."""
    monkeypatch.setattr(torch.backends.cudnn, 'allow_tf32', False)


@pytest.fixture(params=DEVICES)
def device(request):
    return torch.device(request.param)


@pytest.fixture(params=list(CASES))
def case(request):
    return CASES[request.param]


@functools.cache
def _model(name):
    return CASES[name].model()


@functools.cache
def _golden(name):
    with np.load(GOLDEN / f'golden_{name}.npz') as golden:
        return dict(golden)


@pytest.fixture
def model_of():
    return lambda case: _model(case.name)


@pytest.fixture
def golden_of():
    return lambda case: _golden(case.name)


@pytest.fixture(scope='session')
def folded_config():
    """Return the configuration of a still smaller emiff_small: its neck is folded."""
    small = EmiffConfig.from_yaml(share_directory() / 'config' / 'model' / 'emiff_small.yaml')
    values = small.model_dump(mode='json') | {'image_height': 96, 'image_width': 160}
    values['voxels'] |= {'counts': [13, 11, 4]}
    return EmiffConfig.from_dict(values, 'a smaller emiff_small')


@pytest.fixture(scope='session')
def folded_camera():
    """Return a camera that looks ahead, at that network's image size."""
    intrinsics = np.array([[90.0, 0, 80], [0, 90, 48], [0, 0, 1]])
    camera_from_vehicle = np.array([[0.0, -1, 0, 0.5], [0, 0, -1, 1.5], [1, 0, 0, 0.2]])
    return Camera(intrinsics, camera_from_vehicle, (96, 160))


@pytest.fixture
def deformable():
    """Return a deformable convolution whose taps move."""
    torch.manual_seed(3)
    convolution = DeformableConv(8, 'test').requires_grad_(False).eval()
    convolution.offset.weight.normal_(0, 0.2)
    return convolution


@pytest.fixture
def norm():
    """Return the norm behind it, with no number at zero or one."""
    norm = nn.BatchNorm2d(8).requires_grad_(False).eval()
    for values in (norm.weight, norm.bias, norm.running_mean):
        values.normal_()
    norm.running_var.uniform_(0.5, 2)
    return norm
