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

"""The 8-bit neck against the same network in float32."""

from acceleration.half_precision import on_this_cpu
from model.golden_cases import SMALL, SMALL_S4
import pytest
import torch
from torch import nn
from torch.nn import functional

from emiff_ros.acceleration import (
    AccelerationConfig,
    NeckCalibration,
    NeckObserver,
    accelerate,
)
from emiff_ros.acceleration.byte_rounding import largest_weight
from emiff_ros.acceleration.height_convolution import HeightConvolution
from emiff_ros.acceleration.quantized_neck import QuantizedConvolution
from emiff_ros.model import InfrastructureView

ONE_STEP = 1.01


def calibrated(case, model):
    """Return float32 maps, the calibration and the frame that it was made on."""
    images, cameras = case.images(), case.cameras()
    frame = images[0], cameras[0], [InfrastructureView(cameras[1], image=images[1])]
    network = accelerate(model, AccelerationConfig())
    with NeckObserver(network.neck) as observer:
        maps = network.fuse(network.encode_vehicle(frame[0]), *frame[1:])
    return maps, observer.calibration(), frame


@pytest.mark.parametrize(
    ('stride', 'padding', 'added'), [(1, 1, False), (1, 1, True), (2, 1, False), (1, 0, False)]
)
def test_a_convolution_is_right_to_one_step(stride, padding, added):
    generator = torch.Generator().manual_seed(5)
    plain = nn.Conv3d(16, 16, 3, (1, 1, stride), (1, 1, padding))
    layer = HeightConvolution(plain.requires_grad_(False), 'conv3d')
    shape = (1, 16, 6 if padding else 3, 7, 9)
    x, residual = (
        torch.randint(0, 200, shape, generator=generator, dtype=torch.uint8).contiguous(
            memory_format=torch.channels_last_3d
        )
        for _ in range(2)
    )
    scales = layer.weight.abs().amax(dim=(1, 2, 3, 4), keepdim=True) / largest_weight()
    rounded = (layer.weight / scales).round() * scales
    geometry = layer.bias, (stride, 1, 1), (padding, 1, 1)
    expected = functional.conv3d(0.02 * x.float(), rounded, *geometry)
    if added:
        expected += 0.015 * residual.float()
    quantized = QuantizedConvolution(layer, 0.02, 0.01, 0.015 if added else None)
    before = residual.clone()
    ours = quantized(x, residual if added else None)
    assert ours.dtype == torch.uint8
    assert ours.shape == expected.shape
    difference = 0.01 * ours.float() - expected.clamp(0, 2.55)
    assert difference.abs().max() <= 0.01 / 2 * ONE_STEP
    assert torch.equal(residual, before)


@pytest.mark.parametrize('case', [SMALL, SMALL_S4], ids=lambda case: case.name)
@pytest.mark.parametrize('precision', ['float32', on_this_cpu('bfloat16')])
def test_the_network_stays_close(case, precision, model_of):
    expected, calibration, (image, camera, views) = calibrated(case, model_of(case))
    acceleration = AccelerationConfig.for_cpu(precision, quantized=True)
    network = accelerate(model_of(case), acceleration, calibration)
    maps = network.fuse(network.encode_vehicle(image), camera, views)
    for ours, theirs in zip(maps, expected, strict=True):
        spread = (theirs - theirs.mean()).square().mean().sqrt()
        error = (ours.float() - theirs).square().mean().sqrt()
        assert error < 0.1 * spread


def test_a_calibration_survives_its_file(tmp_path, model_of):
    _, calibration, _ = calibrated(SMALL_S4, model_of(SMALL_S4))
    calibration.to_json(tmp_path / 'neck.json')
    assert NeckCalibration.from_json(tmp_path / 'neck.json') == calibration
    assert len(calibration.maxima) == 9


@pytest.mark.parametrize(
    'content', [b'{"maxima": [1.0', b'{"maxima": [0.0]}', b'{"other": 1}', b'\xff']
)
def test_a_file_that_is_no_calibration_is_refused_with_the_remedy(tmp_path, content):
    path = tmp_path / 'neck.json'
    with pytest.raises(ValueError, match=r'neck\.json: no calibration .*; make it with Neck'):
        NeckCalibration.from_json(path)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r'neck\.json: not a calibration \(.*; make it with Neck'):
        NeckCalibration.from_json(path)


def test_what_does_not_fit_is_refused(model_of):
    model, int8 = model_of(SMALL_S4), AccelerationConfig.for_cpu(quantized=True)
    with pytest.raises(ValueError, match='neck int8 needs a calibration; see NeckObserver'):
        accelerate(model, int8)
    with pytest.raises(ValueError, match='has 2 maxima, the neck 9 convolutions'):
        accelerate(model, int8, NeckCalibration(maxima=(1.0, 1.0)))
    network = accelerate(model, AccelerationConfig())
    with pytest.raises(ValueError, match='a layer of the neck was zero in all frames'):
        NeckObserver(network.neck).calibration()
    with pytest.raises(ValueError, match='VolumeNeck cannot be calibrated'):
        NeckObserver(model.neck)
