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

"""A network with a folded neck in 8 bits against itself in float32, and its calibration."""

import json

import pytest
import torch

from emiff_ros.acceleration import (
    AcceleratedEncoder,
    AccelerationConfig,
    InputCalibration,
    InputObserver,
    NeckCalibration,
    accelerate,
)
from emiff_ros.model import Emiff, InfrastructureView


@pytest.fixture(scope='module')
def model(folded_config):
    torch.manual_seed(6)
    model = Emiff(folded_config).requires_grad_(False)
    model.train()  # two passes give the batch norms the statistics of these images
    for seed in range(2):
        model.encode_vehicle(image_of(folded_config, seed))
        model.encode_infrastructure(image_of(folded_config, seed))
    return model.eval()


def image_of(config, seed):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(
        1, 3, config.image_height // 8, config.image_width // 8, generator=generator
    )
    image = torch.nn.functional.interpolate(coarse, scale_factor=8, mode='bilinear')
    return image.clamp(-1.8, 2.2)  # black and white


def detect(network, config, camera, seed=3):
    feature = network.encode_infrastructure(image_of(config, seed + 10))
    levels = network.encode_vehicle(image_of(config, seed))
    maps = network.fuse(levels, camera, [InfrastructureView(camera, feature=feature)])
    return levels, feature, maps


@pytest.fixture(scope='module')
def calibration(model, folded_config, folded_camera):
    with InputObserver(model) as observer:
        for seed in range(3, 6):
            detect(model, folded_config, folded_camera, seed)
    return InputCalibration(fingerprint='f' * 64, frames=3, maxima=observer.maxima)


def relative_error(ours, theirs):
    spread = (theirs - theirs.mean()).square().mean().sqrt()
    return float((ours - theirs).square().mean().sqrt() / spread)


def test_the_network_stays_close(model, folded_config, folded_camera, calibration):
    network = accelerate(model, AccelerationConfig.for_openvino(quantized=True), calibration)
    levels, feature, maps = detect(network, folded_config, folded_camera)
    exact_levels, exact_feature, exact_maps = detect(model, folded_config, folded_camera)
    for ours, theirs in zip(levels, exact_levels, strict=True):
        assert 0 < relative_error(ours, theirs) < 0.1
    assert relative_error(feature, exact_feature) < 0.15
    for ours, theirs in zip(maps, exact_maps, strict=True):
        assert 0 < relative_error(ours, theirs) < 0.1


def test_a_roadside_unit_sends_what_the_network_encodes(model, folded_config, calibration):
    network = accelerate(model, AccelerationConfig.for_openvino(quantized=True), calibration)
    encoder = model.infrastructure_encoder
    alone = AcceleratedEncoder(
        encoder, AccelerationConfig.for_openvino(quantized=True), calibration
    )
    image = image_of(folded_config, 3)
    expected = network.encode_infrastructure(image)
    assert torch.equal(alone.encode_infrastructure(image), expected)


def test_a_calibration_survives_its_file(calibration, tmp_path):
    path = tmp_path / 'network.int8.json'
    calibration.to_json(path)
    assert InputCalibration.from_json(path) == calibration


def test_a_file_that_is_none_is_refused_with_the_remedy(tmp_path):
    path = tmp_path / 'network.int8.json'
    with pytest.raises(ValueError, match='no calibration for 8 bits .* emiff_ros calibrate'):
        InputCalibration.from_json(path)
    path.write_text(json.dumps({'maxima': {'a': -1}}))
    with pytest.raises(ValueError, match=r'not a calibration \(.* emiff_ros calibrate'):
        InputCalibration.from_json(path)


def test_what_does_not_fit_is_refused(model, calibration):
    config = AccelerationConfig.for_openvino(quantized=True)
    for wrong in (None, NeckCalibration(maxima=(1.0,))):
        with pytest.raises(ValueError, match='needs the calibration of a whole network'):
            accelerate(model, config, wrong)
    empty = calibration.model_copy(update={'maxima': {}})
    with pytest.raises(ValueError, match='the calibration knows no input of'):
        accelerate(model, config, empty)
    with pytest.raises(ValueError, match='a folded neck in 8 bits needs engine openvino'):
        accelerate(model, AccelerationConfig(neck='int8'), calibration)
