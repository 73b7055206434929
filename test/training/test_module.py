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

"""How the module prepares a network for training."""

import pytest
import torch
from torch import nn
from training.tiny import tiny_model, tiny_training

from emiff_ros.training.module import EmiffModule

LAYOUTS = {nn.Conv2d: torch.channels_last, nn.Conv3d: torch.channels_last_3d}


@pytest.mark.parametrize('channels_last', [True, False])
def test_the_channels_of_a_place_lie_together_if_asked_for(channels_last):
    neck = {'kind': 'volume', 'widths': [8], 'out_channels': 8}
    model = tiny_model(neck=neck, voxels={'counts': [29, 25, 3]})
    module = EmiffModule(model, tiny_training(channels_last=channels_last))
    convolutions = [part for part in module.model.modules() if type(part) in LAYOUTS]
    assert {type(part) for part in convolutions} == set(LAYOUTS)
    for part in convolutions:
        weight = part.weight
        if weight[0, 0].numel() > 1 and weight.shape[1] > 1:
            assert weight.is_contiguous(memory_format=LAYOUTS[type(part)]) is channels_last
