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

from nodes.world import TINY
import pytest
import torch

from emiff_ros import bringup
from emiff_ros.dair.bag_writer import write_bag
from emiff_ros.dair.reader import DairFolder
from emiff_ros.dair.scenes.generate import generate_dataset
from emiff_ros.model import Emiff, EmiffConfig
from emiff_ros.model.weights import save_weights

FRAMES = 6


@pytest.fixture(scope='session')
def tiny_model(tmp_path_factory):
    """A small seeded network that finds many boxes in whatever it sees."""
    torch.manual_seed(3)
    model = Emiff(EmiffConfig.from_dict(TINY)).eval()
    torch.nn.init.normal_(model.head.classify.weight, std=0.5)
    torch.nn.init.zeros_(model.head.classify.bias)
    torch.nn.init.normal_(model.head.regress.weight, std=0.1)
    path = tmp_path_factory.mktemp('model') / 'tiny.safetensors'
    save_weights(model, path)
    return path


@pytest.fixture(scope='session')
def folder(tmp_path_factory):
    """A generated drive of a few small frames."""
    root = tmp_path_factory.mktemp('scenes') / 'drive'
    generate_dataset(root, 5, FRAMES, 'test', image_size=(180, 320), processes=1, progress=False)
    return DairFolder(root)


@pytest.fixture(scope='session')
def bag(folder, tmp_path_factory):
    path = tmp_path_factory.mktemp('bags') / 'drive'
    write_bag(folder, path)
    return path


@pytest.fixture
def processes(tiny_model):
    """Station and vehicle as a replay starts them; every detection is published."""
    common = {'model': str(tiny_model), 'device': 'cpu', 'threads': 1}
    station = bringup.infrastructure(**common)
    vehicle = bringup.vehicle(**common, filter_ego=False)
    return [bringup.for_replay(process) for process in (station, vehicle)]
