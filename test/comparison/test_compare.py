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

"""Whole comparisons on a tiny data set: every kind of method, the table, going on after a kill."""

import csv
import json
from types import SimpleNamespace

from dair.dair_folder import write_dair_folder
import pytest
import torch
from training.tiny import tiny_model

from emiff_ros.cli import main
from emiff_ros.comparison.compare import compare
from emiff_ros.comparison.methods import Method, MethodError, Runner
from emiff_ros.dair.reader import DairFolder
from emiff_ros.geometry import transform_points
from emiff_ros.model.config import EmiffConfig
from emiff_ros.model.emiff import Emiff
from emiff_ros.model.weights import save_weights
from emiff_ros.training.scene import vehicle_from_virtual_lidar
from emiff_ros.training.variants import derive

METHODS = 'emiff_ros.comparison.methods'
# Random networks must find something everywhere.
MODEL = tiny_model(detection={'score_threshold': 0.0, 'candidates': 20, 'max_boxes': 8})


@pytest.fixture(scope='module')
def files(tmp_path_factory):
    """Write the data set and weights of every modality; return (data set, weights by name)."""
    folder = tmp_path_factory.mktemp('comparison')
    root = write_dair_folder(folder)
    torch.manual_seed(1)
    weights = {}
    for name in ('cooperative', 'vehicle_only', 'infrastructure_only', 'early', 'station_frame'):
        config: EmiffConfig = MODEL
        if name != 'cooperative':
            config = derive(MODEL, name.replace('station_frame', 'infrastructure_only'))
        labels = 'infrastructure' if name == 'station_frame' else 'cooperative'
        weights[name] = folder / f'{name}.safetensors'
        facts = {'labels': labels, 'seed': '3', 'steps': '40', 'trained_on': 'nothing'}
        save_weights(Emiff(config), weights[name], facts)
    return root, weights


def answer(method, root, index=1):
    runner = Runner(method)
    return runner, runner.answer(DairFolder(root).pairs[index])


def test_what_each_method_sends(files):
    root, weights = files
    pair = DairFolder(root).pairs[1]
    jpeg = len(pair.infrastructure.image_bytes())
    _, alone = answer(Method('a', weights['cooperative'], alone=True), root)
    assert alone.prediction.transmitted_bytes == alone.prediction.message_bytes == 0
    _, vehicle = answer(Method('v', weights['vehicle_only']), root)
    assert vehicle.prediction.message_bytes == 0
    runner, fused = answer(Method('c', weights['cooperative']), root)
    channels, height, width = runner.network.config.transmitted_shape
    assert fused.prediction.transmitted_bytes == 4 * channels * height * width
    floats = answer(Method('c', weights['cooperative'], quantization='float32'), root)[1]
    assert 400 < fused.prediction.message_bytes < floats.prediction.message_bytes
    _, early = answer(Method('e', weights['early']), root)
    assert early.prediction.transmitted_bytes == jpeg
    assert jpeg < early.prediction.message_bytes < jpeg + 100
    _, pole = answer(Method('i', weights['infrastructure_only']), root)
    count = len(pole.prediction.scores)
    assert count and pole.prediction.transmitted_bytes == 72 * count
    assert pole.prediction.message_bytes > 400 * count


def test_late_fusion_sends_what_the_pole_finds(files):
    root, weights = files
    late = Method('l', weights['vehicle_only'], weights['infrastructure_only'])
    runner, both = answer(late, root)
    _, vehicle = answer(Method('v', weights['vehicle_only']), root)
    _, pole = answer(Method('i', weights['infrastructure_only']), root)
    assert runner.kind == 'late'
    assert both.prediction.transmitted_bytes == pole.prediction.transmitted_bytes
    own = len(vehicle.prediction.scores)
    assert (both.prediction.scores[:own] == vehicle.prediction.scores).all()
    assert own <= len(both.prediction.scores) <= own + len(pole.prediction.scores)


def test_a_network_of_the_roadside_frame_answers_in_the_vehicles(files):
    root, weights = files
    pair = DairFolder(root).pairs[1]
    network = Runner(Method('s', weights['station_frame'])).network
    found = network.detect_from_the_pole(pair.infrastructure, network.roadside_camera(pair))
    camera = network.camera(pair.infrastructure, pair.infrastructure.camera_from_virtual_lidar())
    sent = network.send(pair.infrastructure)
    own = network.detect(None, None, [network.view(camera, sent)])
    moved = transform_points(vehicle_from_virtual_lidar(pair), own.corners)
    assert (
        len(moved) and abs(moved.mean(axis=(0, 1)) - found.corners.mean(axis=(0, 1))).max() < 1.0
    )


def test_answers_of_other_settings_labels_or_hardware_have_another_identity(tmp_path, monkeypatch):
    model = Emiff(derive(MODEL, 'infrastructure_only'))

    def identity(labels='cooperative', **detection):
        path = tmp_path / 'weights.safetensors'
        config = model.config
        settings = config.detection.model_copy(update=detection)
        model.config = config.model_copy(update={'detection': settings})
        save_weights(model, path, {'labels': labels})
        model.config = config
        return Runner(Method('one', path)).identity

    first = identity()
    assert identity() == first
    others = [
        identity(score_threshold=0.3),
        identity(nms_threshold=0.5),
        identity(max_boxes=3),
        identity(labels='infrastructure'),
    ]
    monkeypatch.setattr(f'{METHODS}.describe_hardware', lambda device: f'another {device}')
    others.append(identity())
    assert len({first, *others}) == 6


@pytest.mark.parametrize(
    ('name', 'pole', 'alone'),
    [
        ('cooperative', None, False),
        ('cooperative', None, True),
        ('early', None, False),
        ('vehicle_only', None, False),
        ('infrastructure_only', None, False),
        ('station_frame', None, False),
        ('vehicle_only', 'infrastructure_only', False),
        ('vehicle_only', 'station_frame', False),
    ],
)
def test_every_file_is_read_before_the_clock_starts(
    files, tmp_path, monkeypatch, name, pole, alone
):
    _, weights = files
    runner = Runner(Method('one', weights[name], weights.get(pole), alone))
    root = write_dair_folder(tmp_path)
    pair = DairFolder(root).pairs[1]

    def take_the_files_away():
        if root.exists():
            root.rename(tmp_path / 'away')
        return 0.0

    clock = SimpleNamespace(perf_counter=take_the_files_away)
    monkeypatch.setattr(f'{METHODS}.time', clock)
    runner.answer(pair)
    assert not root.exists()


def test_networks_that_do_not_fit_a_method_are_refused(files):
    _, weights = files
    with pytest.raises(MethodError, match='l: late fusion takes .* got cooperative and early'):
        Runner(Method('l', weights['cooperative'], weights['early']))
    with pytest.raises(MethodError, match='vehicle_only has no roadside view to leave out'):
        Runner(Method('a', weights['vehicle_only'], alone=True))


def test_a_comparison_goes_on_where_it_was_killed(files, tmp_path, monkeypatch):
    root, weights = files
    pairs = DairFolder(root).pairs
    methods = [Method('one', weights['cooperative'])]
    whole = list(compare(methods, pairs, 'opendairv2x', tmp_path / 'whole'))
    list(compare(methods, pairs[:2], 'opendairv2x', tmp_path / 'parts'))
    (path,) = (tmp_path / 'parts').glob('one-*.jsonl')
    first = path.read_text()
    path.write_text(first + '{"frame_id": "001002", "boxes_3')
    asked = []
    answer_of = Runner.answer
    monkeypatch.setattr(
        Runner, 'answer', lambda self, pair: asked.append(pair) or answer_of(self, pair)
    )
    parts = list(compare(methods, pairs, 'opendairv2x', tmp_path / 'parts'))
    assert [pair.vehicle.frame_id for pair in asked] == ['001002', '001003']
    assert path.read_text().startswith(first)
    assert parts[0].result == whole[0].result
    with pytest.raises(ValueError, match='expected a name of its own'):
        list(compare(methods * 2, pairs, 'opendairv2x', tmp_path / 'parts'))


def test_the_command_writes_markdown_and_csv(files, tmp_path, capsys):
    root, weights = files
    arguments = ['compare', str(root), '-o', str(tmp_path), '--split', 'train']
    arguments += ['--method', f'EMIFF={weights["cooperative"]}']
    arguments += ['--alone', f'no pole={weights["cooperative"]}']
    arguments += ['--late', f'late={weights["vehicle_only"]},{weights["infrastructure_only"]}']
    assert main(arguments) == 0
    markdown = (tmp_path / 'table.md').read_text()
    assert 'protocol opendairv2x, 3 frames' in markdown
    assert '| EMIFF |' in markdown and '- hardware: ' in markdown
    with (tmp_path / 'table.csv').open() as file:
        rows = list(csv.DictReader(file))
    assert [row['method'] for row in rows] == ['EMIFF', 'no pole', 'late']
    assert [row['fusion'] for row in rows] == ['cooperative', 'vehicle_only', 'late']
    assert rows[0]['seed'] == '3' and rows[2]['steps'] == '40 + 40'
    assert {f'ap_{view}_{iou}_30-50' for view in ('3d', 'bev') for iou in (30, 50, 70)} <= set(
        rows[0]
    )
    # The answers are results that the verb evaluate reads, with the same AP and bytes.
    (answers,) = (tmp_path / 'answers').glob('EMIFF-*.jsonl')
    capsys.readouterr()
    output = tmp_path / 'ap.json'
    assert main(['evaluate', str(root), str(answers), '--split', 'train', '-o', str(output)]) == 0
    assert 'Serialised messages: ' in capsys.readouterr().out
    summary = json.loads(output.read_text())
    overall = summary['protocols']['opendairv2x']['ranges']['overall']
    assert overall['ap_bev_30'] == pytest.approx(float(rows[0]['ap_bev_30_overall']), abs=1e-4)
    assert summary['serialised_bytes'] == pytest.approx(float(rows[0]['message_bytes']), abs=0.1)


def test_the_roadside_image_may_be_older(files, tmp_path):
    root, weights = files
    arguments = ['compare', str(root), '-o', str(tmp_path), '--frame-delay', '1']
    assert main([*arguments, '--method', f'EMIFF={weights["cooperative"]}']) == 0
    with (tmp_path / 'table.csv').open() as file:
        (row,) = csv.DictReader(file)
    assert row['frames'] == '3' and 'VIC-Async-1' in row['roadside delay']


def test_wrong_arguments_are_one_sentence(files, tmp_path, capsys):
    root, weights = files
    assert main(['compare', str(root), '-o', str(tmp_path)]) == 1
    assert 'give at least one --method' in capsys.readouterr().err
    for wrong in (['--method', 'x'], ['--late', f'x={weights["early"]}'], ['--method', 'x=none']):
        with pytest.raises(SystemExit):
            main(['compare', str(root), '-o', str(tmp_path), *wrong])
