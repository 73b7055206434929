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

"""A whole comparison of a tiny network, as its verb runs it."""

import json

from dair.dair_folder import write_dair_folder
import pytest
import torch

from emiff_ros.benchmarking import comparison
from emiff_ros.benchmarking.runners import quick_precision
from emiff_ros.cli import main
from emiff_ros.model import Emiff, EmiffConfig
from emiff_ros.model.weights import save_weights
from emiff_ros.training.variants import derive

CONFIG = EmiffConfig.from_dict(
    {
        'image_height': 54,
        'image_width': 96,
        'backbone': {'depth': 18},
        'fpn_channels': 8,
        'compression': {'ratio': 8, 'halvings': 1},
        'channel_masking': {'squeeze_ratio': 1},
        'voxels': {'x_range': (0.0, 92.16), 'y_range': (-39.68, 39.68), 'counts': (12, 16, 12)},
        'neck': {'widths': (8, 16, 16), 'out_channels': 16},
    }
)


@pytest.fixture(autouse=True)
def known_peak(monkeypatch):
    """Measuring the machine's peak takes longer than the rest."""
    monkeypatch.setattr(comparison, 'measured_peak', lambda device, dtype: {'matrix': 1.0})


def test_all_candidates_of_a_cpu_are_compared(tmp_path, capsys):
    config, output = tmp_path / 'tiny.yaml', tmp_path / 'results' / 'speed.json'
    CONFIG.to_yaml(config)
    threads = torch.get_num_threads()
    options = ['--model', str(config), '--output', str(output), '--threads', str(threads)]
    options += ['--pairs', '2', '--rounds', '5', '--rates', '2', '--items', '3', '--memory']
    only = ['float32', f'{quick_precision()}, neck int8']
    assert main(['benchmark', *options, '--only', *only]) == 0
    report = json.loads(output.read_text())
    assert report['failures'] == {}
    assert list(report['candidates']) == ['float32 eager', *only]
    assert len(report['input_sha256']) == 64
    for entry in report['candidates'].values():
        assert entry['speed_ratio']['lowest_round'] > 0
        assert entry['at_rate'][0]['offered'] == 3
        assert entry['own_process_peak_mb'] > 50
    assert report['candidates']['float32']['agreement']['matched'] == 1.0
    assert report['candidates']['float32']['agreement']['boxes'] > 0
    for stages in report['stages'].values():
        assert (
            stages['neck and head']['gmac'] == report['stages']['float32']['neck and head']['gmac']
        )
        assert stages['sum']['ms'] > 0
    assert set(report['stages']) == {'float32', quick_precision(), 'int8'}
    assert 'float32 eager' in capsys.readouterr().out


def test_ap_stands_beside_speed_with_a_folder_and_weights(tmp_path):
    torch.manual_seed(1)
    weights, output = tmp_path / 'tiny.safetensors', tmp_path / 'speed.json'
    save_weights(Emiff(CONFIG).eval(), weights)
    folder = write_dair_folder(tmp_path)
    options = ['--weights', str(weights), '--data', str(folder), '--frames', '2', '--pairs', '1']
    options += ['--rounds', '5', '--only', 'float32', 'float32, neck int8']
    options += ['--output', str(output)]
    options += ['--calibration-data', str(folder), '--calibration-pairs', '1']
    assert main(['benchmark', *options, '--threads', str(torch.get_num_threads())]) == 0
    report = json.loads(output.read_text())
    assert report['failures'] == {}
    assert (report['model'], report['weights']) == ('tiny', 'trained')
    assert report['calibration_pairs'] == 1
    assert 'ap_bev_50' in report['candidates']['float32, neck int8']
    plain, fast = (report['candidates'][key] for key in ('float32 eager', 'float32'))
    assert plain['protocol'] == 'opendairv2x'
    assert plain['ap_bev_50'] == fast['ap_bev_50']


def test_all_candidates_of_8_bits_have_the_scales_of_one_calibration(tmp_path, monkeypatch):
    calibrate, seen = comparison.calibrate_on, []
    monkeypatch.setattr(
        comparison, 'calibrate_on', lambda *given: seen.append(given) or calibrate(*given)
    )
    monkeypatch.setattr(comparison, '_stage_precisions', lambda *_: ())
    both = [f'{precision}, neck int8' for precision in ('float32', 'bfloat16')]
    extent = comparison.Extent(pairs=1, rounds=5, seconds=600.0, only=both)
    device = torch.device('cpu')
    report = comparison.compare('tiny', CONFIG, device, tmp_path / 'speed.json', extent)
    assert set(both) <= set(report['candidates'])
    assert len(seen) == 1


def test_a_network_that_sets_views_side_by_side_is_compared(tmp_path):
    config, output = tmp_path / 'tiny.yaml', tmp_path / 'speed.json'
    EmiffConfig.from_dict({**CONFIG.model_dump(), 'view_fusion': 'concatenate'}).to_yaml(config)
    options = ['--model', str(config), '--output', str(output), '--pairs', '1', '--rounds', '5']
    options += ['--threads', str(torch.get_num_threads())]
    only = ['float32', 'float32, neck int8']
    assert main(['benchmark', *options, '--only', *only]) == 0
    report = json.loads(output.read_text())
    assert report['failures'] == {}
    assert report['candidates']['float32']['agreement']['matched'] == 1.0
    assert report['stages']['float32']['sum']['ms'] > 0


def test_a_network_of_one_side_is_refused(tmp_path, capsys):
    weights = tmp_path / 'tiny.safetensors'
    save_weights(Emiff(derive(CONFIG, 'vehicle_only')).eval(), weights)
    options = ['--weights', str(weights), '--threads', str(torch.get_num_threads())]
    assert main(['benchmark', *options, '--output', f'{tmp_path}/speed.json']) != 0
    assert 'modality is vehicle_only; pairs are timed' in capsys.readouterr().err


def test_unknown_candidates_are_listed(tmp_path, capsys):
    config = tmp_path / 'tiny.yaml'
    CONFIG.to_yaml(config)
    assert main(['benchmark', '--model', str(config), '--only', 'int3']) != 0
    assert "no candidates ['int3']; there are: float32 eager" in capsys.readouterr().err


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--pairs', '0'], 'pairs is 0; expected at least 1'),
        (['--rounds', '3'], 'rounds is 3; expected at least 5'),
        (['--items', '0'], 'items is 0; expected at least 1'),
        (['--rates', '0'], r'rates are [0.0]; expected numbers above 0'),
        (['--threads', '0'], '--threads is 0; expected at least 1'),
        (['--device', 'gpu0'], "--device is 'gpu0'; expected auto, cpu or cuda:N"),
    ],
)
def test_bad_options_are_refused(tmp_path, capsys, options, message):
    config = tmp_path / 'tiny.yaml'
    CONFIG.to_yaml(config)
    output = tmp_path / 'speed.json'
    assert main(['benchmark', '--model', str(config), '--output', str(output), *options]) != 0
    assert message in capsys.readouterr().err
    assert not output.exists()
