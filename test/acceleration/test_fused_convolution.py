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

"""Bias, residual and ReLU as part of a convolution: the same network.

Without a GPU cuDNN's operations are played by the ones that they stand for.
"""

from acceleration.test_network import check_golden, moved
import pytest
import torch
from torch import nn
from torch.nn import functional

from emiff_ros.acceleration import AcceleratedEncoder, AccelerationConfig, accelerate
from emiff_ros.acceleration.fused_convolution import FusedConvolution, fuse_activations
from emiff_ros.model import Emiff

FUSED = {
    'conv3d': AccelerationConfig(neck='conv3d', fused_activations=True),
    'conv2d': AccelerationConfig(neck='conv2d', fused_activations=True),
    'plain': AccelerationConfig(neck='plain', fused_activations=True),
}


@pytest.fixture(autouse=True)
def calls(monkeypatch, device):
    """Play both operations on a CPU; return the shapes of the weights that they were given."""
    shapes = []

    def convolution_relu(x, weight, bias, stride, padding, dilation, groups):
        shapes.append(tuple(weight.shape))
        convolve = functional.conv2d if weight.ndim == 4 else functional.conv3d
        return convolve(x, weight, bias, stride, padding, dilation, groups).relu()

    def convolution_add_relu(x, weight, z, alpha, bias, stride, padding, dilation, groups):
        shapes.append(tuple(weight.shape))
        convolve = functional.conv2d if weight.ndim == 4 else functional.conv3d
        out = convolve(x, weight, bias, stride, padding, dilation, groups)
        return (out + alpha * z).relu()

    if device.type == 'cpu':
        monkeypatch.setattr(torch, 'cudnn_convolution_relu', convolution_relu)
        monkeypatch.setattr(torch, 'cudnn_convolution_add_relu', convolution_add_relu)
        monkeypatch.setattr(AccelerationConfig, 'check_device', lambda *arguments: None)
    return shapes


@pytest.mark.parametrize('name', list(FUSED))
def test_it_is_golden(name, case, model_of, golden_of, device):
    check_golden(FUSED[name], case, model_of(case), golden_of(case), device)


@pytest.mark.parametrize('form', ['conv3d', 'conv2d'])
def test_the_whole_3d_neck_is_fused(form, case, model_of, golden_of, device, calls):
    network = accelerate(moved(model_of(case), device), FUSED[form])
    calls.clear()
    channels = network.config.fpn_channels
    volume = torch.zeros(1, channels, *network.config.voxels.counts, device=device)
    network.neck(volume)
    if device.type == 'cpu':
        assert len(calls) == sum(isinstance(m, nn.Conv3d) for m in model_of(case).neck.modules())


def test_a_folded_network_gives_the_same(folded_config, folded_camera, device, calls):
    torch.manual_seed(5)
    model = Emiff(folded_config).requires_grad_(False).eval().to(device)
    image = torch.randn(1, 3, *folded_config.padded_size, device=device)
    network = accelerate(model, FUSED['conv3d'])
    expected = model.fuse(model.encode_vehicle(image), folded_camera)
    levels = network.encode_vehicle(image)
    encoded = len(calls)
    ours = network.fuse(levels, folded_camera)
    if device.type == 'cpu':
        assert 0 < encoded < len(calls)
    for one, other in zip(expected, ours, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_an_encoder_gives_the_same(case, model_of, device):
    encoder = moved(model_of(case), device).infrastructure_encoder
    image = case.images()[1].to(device)
    expected, ours = (
        AcceleratedEncoder(encoder, acceleration).encode_infrastructure(image)
        for acceleration in (AccelerationConfig(), FUSED['plain'])
    )
    torch.testing.assert_close(ours, expected, rtol=1e-3, atol=1e-3)


def test_norms_and_few_channels_stay_as_they_are():
    layers = nn.Sequential(
        nn.Conv2d(8, 8, 3),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 3, 1),
        nn.ReLU(),
        nn.Conv2d(3, 8, 1),
        nn.ReLU(),
        nn.Conv2d(8, 16, 1),
        nn.Identity(),
        nn.ReLU(),
        nn.Conv2d(16, 16, 1),
    )
    before = list(layers)
    fuse_activations(layers)
    assert list(layers)[:7] == before[:7]
    assert layers[10] is before[10]
    assert isinstance(layers[7], FusedConvolution)
    assert isinstance(layers[9], nn.Identity)
