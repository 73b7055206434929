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

"""The parameters ``acceleration`` and ``engine``: what they stand for, and the same answer."""

from pathlib import Path
import sys

from nodes.world import TINY, save_tiny_model
import numpy as np
import pytest
import torch

from emiff_ros.acceleration import AccelerationConfig, AlignedView, openvino_package
from emiff_ros.model import Camera, EmiffConfig
from emiff_ros.model.weights import load_vehicle_model, load_weights
from emiff_ros.nodes import speed
from emiff_ros.nodes.speed import calibration_for, choose_acceleration
from emiff_ros.nodes.vehicle_network import VehicleNetwork
from emiff_ros.share import find_weights, share_directory

OPTICAL_FROM_VEHICLE = np.array([[0.0, -1, 0, 0], [0, 0, -1, 1.6], [1, 0, 0, 0]])
CPU, GPU = torch.device('cpu'), torch.device('cuda:0')
SHIPPED = ('emiff_small', 'emiff_slim', 'emiff_fast')


FOLDED, VOLUME = (
    EmiffConfig.from_yaml(share_directory() / 'config' / 'model' / f'{name}.yaml')
    for name in ('emiff_small', 'emiff_r50')
)


def choose(choice, device, engine='auto', config=FOLDED):
    return choose_acceleration(choice, engine, config, device, lambda text: None)


@pytest.mark.parametrize('choice', ['auto', 'float32'])
def test_float32_on_a_cpu_is_computed_by_openvino_where_it_is(choice, monkeypatch):
    assert choose(choice, CPU) == AccelerationConfig.for_openvino()
    assert choose(choice, CPU, 'openvino') == AccelerationConfig.for_openvino()
    assert choose(choice, CPU, 'torch') == AccelerationConfig.for_cpu('float32')
    monkeypatch.setattr(speed, 'openvino_version', lambda: None)
    assert choose(choice, CPU) == AccelerationConfig.for_cpu('float32')


def test_an_openvino_that_is_broken_is_a_warning_where_nobody_asked_for_it(monkeypatch):
    monkeypatch.setitem(sys.modules, 'openvino', None)
    warnings = []
    chosen = choose_acceleration('auto', 'auto', FOLDED, CPU, warnings.append)
    assert chosen == AccelerationConfig.for_cpu('float32')
    assert 'openvino cannot be imported' in warnings[0]
    with pytest.raises(ValueError, match='cannot be imported .*pip install .*openvino'):
        choose('int8', CPU)


def test_a_3d_neck_gets_openvino_only_if_it_is_asked_for():
    assert choose('auto', CPU, config=VOLUME) == AccelerationConfig.for_cpu('float32')
    assert choose('auto', CPU, 'openvino', VOLUME) == AccelerationConfig.for_openvino()


@pytest.mark.parametrize('engine', ['auto', 'torch'])
def test_auto_is_float16_on_a_gpu(engine):
    assert choose('auto', GPU, engine) == AccelerationConfig.for_gpu('float16')


@pytest.mark.parametrize('choice', ['auto', 'off'])
def test_a_network_that_sets_views_side_by_side_runs(choice, tmp_path):
    """What adds views up while it samples is switched off for it."""
    config = {**TINY, 'view_fusion': 'concatenate'}
    path = save_tiny_model(tmp_path / 'tiny.safetensors', config=config)
    loaded = load_vehicle_model(path)
    VehicleNetwork(loaded, CPU, choose(choice, CPU, config=loaded.config)).run_once()
    on_gpu = choose(choice, GPU, config=loaded.config)
    assert not (on_gpu.indexed_sampling or on_gpu.cuda_graphs)


@pytest.mark.parametrize('device', [CPU, GPU])
def test_off_is_the_plain_network(device):
    assert choose('off', device) == AccelerationConfig.plain()


def test_a_precision_is_taken_on_either_device():
    assert choose('bfloat16', CPU) == AccelerationConfig.for_cpu('bfloat16')
    assert choose('float16', GPU) == AccelerationConfig.for_gpu('float16')


def test_8_bits_are_for_a_cpu():
    assert choose('int8', CPU) == AccelerationConfig.for_openvino(quantized=True)
    with pytest.raises(ValueError, match='acceleration int8 needs a CPU'):
        choose('int8', GPU)


def test_8_bits_need_openvino(monkeypatch):
    with pytest.raises(ValueError, match='int8 needs engine openvino; engine is torch'):
        choose('int8', CPU, 'torch')
    monkeypatch.setattr(openvino_package, 'openvino_version', lambda: None)
    with pytest.raises(ValueError, match='pip install .*openvino'):
        choose('int8', CPU)


def test_8_bits_are_for_a_folded_neck():
    with pytest.raises(ValueError, match='needs a folded neck; that of this network is volume'):
        choose('int8', CPU, config=VOLUME)


@pytest.mark.parametrize(
    ('choice', 'device'),
    [('bfloat16', CPU), ('off', CPU), ('auto', GPU), ('float32', GPU), ('float16', GPU)],
)
def test_openvino_refuses_what_it_does_not_do(choice, device):
    with pytest.raises(ValueError, match=f'openvino does not do acceleration {choice} on'):
        choose(choice, device, 'openvino')


@pytest.mark.parametrize('name', SHIPPED)
def test_the_shipped_weights_have_their_calibration(name):
    weights = find_weights(name)
    _, _, fingerprint = load_weights(weights)
    acceleration = AccelerationConfig.for_openvino(quantized=True)
    assert calibration_for(acceleration, weights, fingerprint).frames > 10
    assert calibration_for(AccelerationConfig(), weights, fingerprint) is None
    with pytest.raises(ValueError, match='belongs to other weights .* emiff_ros calibrate'):
        calibration_for(acceleration, weights, 'f' * 64)
    with pytest.raises(ValueError, match='no calibration for 8 bits .* emiff_ros calibrate'):
        calibration_for(acceleration, Path('none.safetensors'), fingerprint)


@pytest.mark.parametrize('name', SHIPPED)
def test_the_shipped_weights_run_in_8_bits(name):
    weights = find_weights(name)
    loaded = load_vehicle_model(weights)
    acceleration = AccelerationConfig.for_openvino(quantized=True)
    calibration = calibration_for(acceleration, weights, loaded.fingerprint)
    VehicleNetwork(loaded, CPU, acceleration, calibration).run_once()


@pytest.mark.parametrize('able', [True, False])
def test_a_precision_that_the_cpu_lacks_is_a_warning(able, monkeypatch):
    monkeypatch.setattr(speed, 'multiplies', lambda dtype: able or dtype == torch.float32)
    warnings = []
    for choice in ('off', 'auto', 'float32', 'bfloat16'):
        choose_acceleration(choice, 'auto', FOLDED, CPU, warnings.append)
    choose_acceleration('bfloat16', 'auto', FOLDED, GPU, warnings.append)
    expected = [] if able else ['acceleration bfloat16: this CPU has no instructions']
    assert [text[:51] for text in warnings] == [text[:51] for text in expected]


def test_another_choice_is_refused():
    with pytest.raises(ValueError, match="acceleration is 'warp'; expected one of auto"):
        choose('warp', CPU)
    with pytest.raises(ValueError, match="engine is 'steam'; expected one of auto, torch"):
        choose('auto', CPU, 'steam')


@pytest.fixture(scope='module')
def answers(tmp_path_factory):
    """Return a function from a choice to the encoded picture and the boxes of one scene."""
    path = save_tiny_model(tmp_path_factory.mktemp('model') / 'tiny.safetensors')

    def run(choice, engine='auto'):
        rng = np.random.default_rng(1)
        network = VehicleNetwork(load_vehicle_model(path), CPU, choose(choice, CPU, engine))
        height, width = network.image_size
        intrinsics = np.array([[width / 2, 0, width / 2], [0, width / 2, height / 2], [0, 0, 1]])
        camera = Camera(intrinsics, OPTICAL_FROM_VEHICLE, (height, width))
        pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        feature = rng.normal(size=network.config.transmitted_shape).astype(np.float32)
        vehicle_map = network.encode(pixels)
        view = AlignedView(camera, network.align(feature))
        return vehicle_map, network.detect(vehicle_map, camera, [view], 0.0)

    return run


@pytest.mark.parametrize('engine', ['torch', 'openvino'])
def test_float32_gives_the_plain_networks_boxes(answers, engine):
    (_, plain), (_, fast) = answers('off'), answers('float32', engine)
    assert len(plain.scores) == len(fast.scores) > 10
    assert torch.allclose(fast.scores, plain.scores, atol=1e-5)
    assert torch.allclose(fast.boxes, plain.boxes, atol=1e-3)


@pytest.mark.parametrize('value', [2e6, float('inf'), float('nan')])
def test_a_feature_that_no_network_sends_is_refused(value, tmp_path):
    path = save_tiny_model(tmp_path / 'tiny.safetensors')
    network = VehicleNetwork(load_vehicle_model(path), CPU, choose('float32', CPU))
    feature = np.zeros(network.config.transmitted_shape, np.float32)
    feature[0, 0, 0] = -value
    with pytest.raises(ValueError, match='the feature has values up to'):
        network.align(feature)


def test_bfloat16_rounds_and_still_detects(answers):
    (plain, _), (fast, found) = answers('off'), answers('bfloat16')
    assert fast.dtype == torch.bfloat16
    assert (fast - plain).abs().max() < 0.1 * plain.abs().max()
    assert len(found.scores) > 10
    assert found.boxes.dtype == torch.float32
