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

"""The folded neck in another order of its channels, and the whole small network with it."""

import copy

import pytest
import torch

from emiff_ros.acceleration import AccelerationConfig, accelerate
from emiff_ros.acceleration.batch_norm import fold_batch_norms
from emiff_ros.acceleration.column_neck import ColumnNeck
from emiff_ros.model import Emiff, InfrastructureView
from emiff_ros.model.neck import FoldedNeck


@pytest.mark.parametrize('folded', [False, True])
def test_it_is_the_neck(folded_config, folded):
    config = folded_config
    torch.manual_seed(4)
    neck = FoldedNeck(config).requires_grad_(False).eval()
    volume = torch.randn(1, config.fpn_channels, *config.voxels.counts)
    expected = neck(volume)
    changed = copy.deepcopy(neck)
    if folded:
        fold_batch_norms(changed)
    ours = ColumnNeck(changed, config.voxels.counts[2])(volume)
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('views', [0, 1, 2])
def test_the_whole_network_gives_the_same_maps(folded_config, folded_camera, views):
    config, camera = folded_config, folded_camera
    torch.manual_seed(5)
    model = Emiff(config).requires_grad_(False).eval()
    image = torch.rand(1, 3, 96, 160)
    feature = torch.rand(1, *config.transmitted_shape)
    roadside = [
        InfrastructureView(camera, feature=(index + 1) * feature) for index in range(views)
    ]
    network = accelerate(model, AccelerationConfig.for_cpu('float32'))
    ours = network.fuse(network.encode_vehicle(image), camera, roadside)
    expected = model.fuse(model.encode_vehicle(image), camera, roadside)
    for one, other in zip(ours, expected, strict=True):
        largest = float(other.abs().max())
        torch.testing.assert_close(one, other, rtol=0, atol=1e-4 * largest)
