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

"""ResNet: shapes, torchvision's names, freezing."""

import pytest
import torch

from emiff_ros.model.backbone import ResNet
from emiff_ros.model.config import BackboneConfig


@pytest.mark.parametrize('depth', [18, 34, 50, 101])
def test_output_strides_and_channels(depth):
    config = BackboneConfig(depth=depth, widths=(4, 8, 12, 16))
    outputs = ResNet(config).eval()(torch.randn(2, 3, 64, 96))
    shapes = [tuple(output.shape) for output in outputs]
    expected = zip(config.out_channels, (16, 8, 4, 2), (24, 12, 6, 3), strict=True)
    assert shapes == [(2, *shape) for shape in expected]


@pytest.mark.parametrize(
    ('depth', 'parameters'),
    [(18, 11_176_512), (34, 21_284_672), (50, 23_508_032), (101, 42_500_160)],
)
def test_parameter_counts_are_those_of_torchvision_without_classifier(depth, parameters):
    with torch.device('meta'):
        network = ResNet(BackboneConfig(depth=depth))
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


def test_names_are_those_of_torchvision():
    with torch.device('meta'):
        names = set(ResNet(BackboneConfig(depth=50)).state_dict())
    assert {'conv1.weight', 'bn1.running_var', 'layer1.0.downsample.0.weight'} <= names
    assert {'layer4.2.conv3.weight', 'layer3.5.bn2.bias', 'layer2.0.downsample.1.bias'} <= names


def test_stride_lies_in_the_3x3_convolution():
    network = ResNet(BackboneConfig(depth=50, widths=(4, 4, 4, 4)))
    assert network.layer2[0].conv1.stride == (1, 1)
    assert network.layer2[0].conv2.stride == (2, 2)


def test_frozen_parts_and_norms_stay_as_they_are():
    config = BackboneConfig(depth=18, widths=(4, 4, 4, 4), frozen_parts=2, frozen_batch_norm=True)
    network = ResNet(config).train()
    assert not network.conv1.weight.requires_grad
    assert not network.layer1[0].conv1.weight.requires_grad
    assert network.layer2[0].conv1.weight.requires_grad
    assert not network.layer4[1].bn2.weight.requires_grad
    before = network.layer4[1].bn2.running_mean.clone()
    network(torch.randn(2, 3, 32, 32))
    assert torch.equal(network.layer4[1].bn2.running_mean, before)


def test_frozen_stem_keeps_its_statistics_while_later_norms_learn():
    network = ResNet(BackboneConfig(depth=18, widths=(4, 4, 4, 4), frozen_parts=1)).train()
    network(torch.randn(2, 3, 64, 64))
    assert network.bn1.running_mean.abs().max() == 0
    assert network.layer1[0].bn1.running_mean.abs().max() > 0
