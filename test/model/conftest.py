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

"""Fixtures of the model tests: devices, a tiny network and its inputs."""

from model.golden_cases import extrinsics, intrinsics
import pytest
import torch

from emiff_ros.model import Camera, Emiff, EmiffConfig

DEVICES = ['cpu'] + (['cuda'] if torch.cuda.is_available() else [])


def pytest_configure(config):
    config.addinivalue_line(
        'markers', 'slow: minutes and gigabytes; left out unless asked for with -m slow'
    )


def pytest_collection_modifyitems(config, items):
    if config.getoption('-m'):
        return
    for item in items:
        if item.get_closest_marker('slow'):
            item.add_marker(pytest.mark.skip(reason='takes minutes; run with -m slow'))


@pytest.fixture(params=DEVICES)
def device(request):
    return torch.device(request.param)


@pytest.fixture(params=[torch.float32, torch.bfloat16, torch.float16], ids=str)
def dtype(request):
    return request.param


@pytest.fixture
def tiny_values():
    """Plain values of a network that runs in milliseconds."""
    return {
        'image_height': 60,
        'image_width': 96,
        'backbone': {'depth': 18, 'widths': [8, 8, 16, 16]},
        'fpn_channels': 8,
        'compression': {'ratio': 4, 'halvings': 1},
        'voxels': {'counts': [16, 12, 6]},
        'neck': {'widths': [8, 16], 'out_channels': 16},
        'detection': {'score_threshold': 0.0},
    }


@pytest.fixture
def make_model(tiny_values):
    """Return a function that builds the tiny network with some values changed."""

    def make(**changes):
        torch.manual_seed(0)
        return Emiff(EmiffConfig.from_dict(tiny_values | changes)).eval()

    return make


@pytest.fixture
def vehicle_camera():
    return Camera(
        intrinsics(109.2, 109.2, 47.0, 28.4),
        extrinsics((0.35, 0.1, -0.25), 0.7, 1.3, -0.4),
        (60, 96),
    )


@pytest.fixture
def station_camera():
    return Camera(
        intrinsics(109.3, 116.6, 48.4, 27.1),
        extrinsics((38.0, 6.5, 4.3), 187.0, 12.5, 1.1),
        (60, 96),
    )


@pytest.fixture
def image():
    return torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(1))
