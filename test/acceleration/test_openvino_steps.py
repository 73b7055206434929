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

"""Every kind of network gives with OpenVINO what it gives with PyTorch."""

import gc
import weakref

import numpy as np
import pytest
import torch

from emiff_ros.acceleration import (
    AcceleratedEncoder,
    AccelerationConfig,
    InputCalibration,
    InputObserver,
    accelerate,
    openvino_package,
)
from emiff_ros.acceleration.openvino_steps import OpenVinoSteps, make_steps
from emiff_ros.model import Camera, Emiff, EmiffConfig, InfrastructureView

VARIANTS = {
    'as it is': {},
    'no attention': {'cross_attention': False},
    'no compression': {'compression': None},
    'no masking': {'channel_masking': None},
    'views side by side': {'view_fusion': 'concatenate'},
    'vehicle only': {'modality': 'vehicle_only'},
    'infrastructure only': {'modality': 'infrastructure_only'},
    'early': {'modality': 'early', 'compression': None},
}


def random_network(config, change):
    """Return a network of ``config`` but for a change, with no number left at zero."""
    values = config.model_dump(mode='json') | change
    torch.manual_seed(6)
    model = Emiff(EmiffConfig.from_dict(values, 'changed')).eval().requires_grad_(False)
    for name, tensor in model.state_dict().items():
        if 'offset' in name or name.endswith(('running_mean', 'bias')):
            tensor.normal_(0, 0.1)
    return model


def acceleration_of(model, quantized=False):
    """Return what helps, without what does not fit a network that lines up its views."""
    acceleration = AccelerationConfig.for_openvino(quantized)
    indexed = model.config.view_fusion != 'concatenate'
    return acceleration.model_copy(update={'indexed_sampling': indexed})


def image_of(config, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, 3, *config.padded_size, generator=generator)


def maps_of(network, camera):
    """Return the head's maps of three views, or of what the modality takes."""
    config = network.config
    vehicle = network.encode_vehicle(image_of(config, 1)) if config.has_vehicle else None
    views = []
    for seed in (2, 3) if config.has_infrastructure else ():
        image = image_of(config, seed)
        early = config.modality == 'early'
        sent = {'image': image} if early else {'feature': network.encode_infrastructure(image)}
        intrinsics = camera.intrinsics + np.diag([seed, seed, 0.0])
        turned = Camera(intrinsics, camera.camera_from_vehicle, camera.image_size)
        views.append(InfrastructureView(turned, **sent))
    return network.fuse(vehicle, camera if config.has_vehicle else None, views)


@pytest.mark.parametrize('change', VARIANTS.values(), ids=VARIANTS)
def test_the_head_sees_the_same(change, folded_config, folded_camera):
    model = random_network(folded_config, change)
    ours = maps_of(accelerate(model, acceleration_of(model)), folded_camera)
    theirs = maps_of(accelerate(model, AccelerationConfig.plain()), folded_camera)
    for name in ours._fields:
        expected = getattr(theirs, name)
        worst = (getattr(ours, name) - expected).abs().max()
        assert worst <= 1e-4 * expected.abs().max(), name


def rounded(model, camera):
    """Return the network in 8 bits, with the scales of the frame that ``maps_of`` shows."""
    with InputObserver(model) as observer:
        maps_of(model, camera)
    calibration = InputCalibration(fingerprint='', frames=1, maxima=observer.maxima)
    return accelerate(model, acceleration_of(model, quantized=True), calibration)


def relative_error(ours, theirs):
    return float((ours - theirs).square().mean().sqrt() / theirs.std())


@pytest.mark.parametrize('change', VARIANTS.values(), ids=VARIANTS)
def test_8_bits_stay_close(change, folded_config, folded_camera):
    """As close as random weights let them, whose scores hardly differ."""
    model = random_network(folded_config, change)
    maps = maps_of(rounded(model, folded_camera), folded_camera)
    for ours, theirs in zip(maps, maps_of(model, folded_camera), strict=True):
        assert 0 < relative_error(ours, theirs) < 0.25


@pytest.mark.parametrize('compression', [True, False])
def test_what_has_both_signs_is_not_rounded(compression, folded_config, folded_camera):
    """Without compression the attention is given what a pyramid puts out."""
    model = random_network(folded_config, {} if compression else {'compression': None})
    network = rounded(model, folded_camera)
    feature = model.encode_infrastructure(image_of(folded_config, 2))
    exact = accelerate(model, AccelerationConfig.plain()).align_infrastructure(feature)
    for ours, theirs in zip(network.align_infrastructure(feature), exact, strict=True):
        assert 0 < relative_error(ours, theirs) < 0.05


def test_what_is_let_go_of_is_freed_at_once(folded_config, folded_camera):
    """Without the garbage collector: nodes freeze what there is when they become active."""
    network = accelerate(random_network(folded_config, {}), AccelerationConfig.for_openvino())
    maps_of(network, folded_camera)
    steps = weakref.ref(network._steps)
    gc.disable()
    try:
        del network
        assert steps() is None
    finally:
        gc.enable()


def test_a_roadside_unit_sends_the_same(folded_config):
    encoder = random_network(folded_config, {}).infrastructure_encoder
    image = image_of(folded_config, 3)
    ours = AcceleratedEncoder(encoder, AccelerationConfig.for_openvino())
    theirs = encoder(image)
    assert theirs.abs().max() > 0
    torch.testing.assert_close(
        ours.encode_infrastructure(image), theirs, rtol=1e-4, atol=1e-4 * float(theirs.max())
    )


def test_a_half_of_the_network_says_what_it_lacks(folded_config):
    model = random_network(folded_config, {'modality': 'vehicle_only'})
    network = accelerate(model, AccelerationConfig.for_openvino())
    with pytest.raises(ValueError, match='this network has no infrastructure encoder'):
        network.encode_infrastructure(image_of(folded_config, 4))


def test_the_engine_decides_who_computes(folded_config):
    model = random_network(folded_config, {})
    assert isinstance(make_steps(model, AccelerationConfig.for_openvino()), OpenVinoSteps)
    assert not isinstance(make_steps(model, AccelerationConfig()), OpenVinoSteps)


def test_without_the_package_nothing_is_made(folded_config, monkeypatch):
    model = random_network(folded_config, {})
    monkeypatch.setattr(openvino_package, 'openvino_version', lambda: None)
    for make, part in (
        (accelerate, model),
        (AcceleratedEncoder, model.infrastructure_encoder),
    ):
        with pytest.raises(ValueError, match='pip install .*openvino'):
            make(part, AccelerationConfig.for_openvino())
