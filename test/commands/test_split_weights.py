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

"""The verb split-weights."""

import pytest
import torch

from emiff_ros.acceleration import AccelerationConfig
from emiff_ros.cli import main
from emiff_ros.model.weights import load_infrastructure_encoder, load_vehicle_model, load_weights
from emiff_ros.nodes.speed import calibration_for
from emiff_ros.share import find_weights


def test_each_side_gets_its_half_and_the_calibration(tmp_path, capsys):
    assert main(['split-weights', 'emiff_fast', '-o', str(tmp_path / 'halves')]) == 0
    names = {path.name for path in (tmp_path / 'halves').iterdir()}
    halves = ('emiff_fast_infrastructure', 'emiff_fast_vehicle')
    assert {f'{half}{end}' for half in halves for end in ('.safetensors', '.int8.json')} <= names

    whole = load_weights(find_weights('emiff_fast'))
    sender, receiver = (tmp_path / 'halves' / f'{half}.safetensors' for half in halves)
    assert f'{sender}: ' in capsys.readouterr().out
    encoder, _, fingerprint = load_infrastructure_encoder(sender)
    assert fingerprint == whole.fingerprint
    assert (
        calibration_for(AccelerationConfig.for_openvino(quantized=True), sender, fingerprint)
        is not None
    )
    image = torch.rand(1, 3, *whole.config.padded_size)
    with torch.inference_mode():
        expected = whole.model.infrastructure_encoder(image)
        assert torch.equal(encoder(image), expected)
    assert load_vehicle_model(receiver).fingerprint == whole.fingerprint
    with pytest.raises(ValueError, match='holds the vehicle half'):
        load_infrastructure_encoder(receiver)
    sizes = [path.stat().st_size for path in (sender, receiver)]
    assert sum(sizes) < 1.1 * find_weights('emiff_fast').stat().st_size


def test_a_half_is_not_split_again(tmp_path, capsys):
    assert main(['split-weights', 'emiff_fast', '-o', str(tmp_path)]) == 0
    half = tmp_path / 'emiff_fast_vehicle.safetensors'
    assert main(['split-weights', str(half), '-o', str(tmp_path / 'again')]) != 0
    assert 'holds the vehicle half; expected a whole network' in capsys.readouterr().err
