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

"""The verb calibrate."""

from dair.dair_folder import write_dair_folder
import pytest
import torch
from training.tiny import tiny_model

from emiff_ros.acceleration import AccelerationConfig, InputCalibration, accelerate
from emiff_ros.cli import main
from emiff_ros.model import Emiff
from emiff_ros.model.weights import load_weights, save_weights


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(1)
    path = tmp_path / 'tiny.safetensors'
    save_weights(Emiff(tiny_model()), path, {})
    return path


def test_the_calibration_lies_beside_the_weights_and_fits(weights, tmp_path, capsys):
    root = write_dair_folder(tmp_path)
    assert main(['calibrate', str(weights), str(root), '--pairs', '2']) == 0
    path = weights.with_name('tiny.int8.json')
    assert f'{path}: ' in capsys.readouterr().out
    calibration = InputCalibration.from_json(path)
    model, _, fingerprint = load_weights(weights)
    assert calibration.fingerprint == fingerprint and calibration.frames == 2
    everything = AccelerationConfig.for_openvino(quantized=True)
    accelerate(model.eval(), everything, calibration)


def test_a_3d_neck_is_refused(tmp_path, capsys):
    torch.manual_seed(1)
    path = tmp_path / 'volume.safetensors'
    neck = {'kind': 'volume', 'widths': [8, 16], 'out_channels': 16}
    config = tiny_model(neck=neck, voxels={'counts': [29, 25, 6]})
    save_weights(Emiff(config), path, {})
    assert main(['calibrate', str(path), str(write_dair_folder(tmp_path))]) != 0
    assert 'has a volume neck' in capsys.readouterr().err


def test_no_pairs_are_refused(weights, tmp_path, capsys):
    root = write_dair_folder(tmp_path)
    assert main(['calibrate', str(weights), str(root), '--pairs', '0']) != 0
    assert '--pairs is 0; expected 1 or more' in capsys.readouterr().err
