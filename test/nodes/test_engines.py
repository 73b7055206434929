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

"""Both nodes with a folded neck: they fuse, whoever computes, and can be taken down."""

from nodes.world import TINY, save_tiny_model
import pytest
from torch import nn

from emiff_ros.acceleration import InputCalibration
from emiff_ros.model.weights import load_weights


@pytest.fixture(scope='module')
def folded_weights(tmp_path_factory):
    """Return weights with the scales of 8 bits beside them."""
    neck = {'kind': 'folded', 'widths': [8], 'out_channels': 16}
    path = tmp_path_factory.mktemp('model') / 'folded.safetensors'
    save_tiny_model(path, config={**TINY, 'neck': neck})
    model, _, fingerprint = load_weights(path)
    convolutions = [name for name, part in model.named_modules() if isinstance(part, nn.Conv2d)]
    maxima = dict.fromkeys(convolutions, 4.0)
    calibration = InputCalibration(fingerprint=fingerprint, frames=1, maxima=maxima)
    calibration.to_json(path.with_suffix('.int8.json'))
    return path


@pytest.mark.parametrize(
    ('acceleration', 'engine'), [('auto', 'openvino'), ('auto', 'torch'), ('int8', 'auto')]
)
def test_the_vehicle_fuses(acceleration, engine, folded_weights, start, world):
    settings = {'model': str(folded_weights), 'acceleration': acceleration, 'engine': engine}
    for side in ('infrastructure', 'vehicle'):
        name = start(side, **settings).description.fully_qualified_name
        described = world.listener.diagnostics(name, 'network', 20.0)
        assert described['engine'] == ('torch' if engine == 'torch' else 'openvino')
        assert described['precision'] == ('int8' if acceleration == 'int8' else 'float32')
    status = world.fused_result()
    assert [station.refused for station in status.stations] == [0]
