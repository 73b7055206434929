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

"""The whole demo on a few small frames: render, convert, replay twice, evaluate, report."""

import json

import cv2
from dair.dair_folder import write_dair_folder
from nodes.world import save_tiny_model
import pytest
from viz.scene import metrics as made_up_metrics

from emiff_ros import cli
from emiff_ros.commands.demo import summary
from emiff_ros.dair.reader import DairFolder
from emiff_ros.dair.scenes.generate import generate_dataset
from emiff_ros.demo.output_folder import WRITTEN
from emiff_ros.viz.numbers import MISSING

FRAMES = 4


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp('scenes') / 'drive'
    generate_dataset(root, 7, FRAMES, 'test', image_size=(180, 320), processes=1, progress=False)
    return DairFolder(root)


@pytest.fixture(scope='module')
def output(folder, tmp_path_factory):
    base = tmp_path_factory.mktemp('demo')
    model = save_tiny_model(base / 'tiny.safetensors')
    status = cli.main(
        ['demo', '--dair-root', str(folder.root), '--model', str(model), '--device', 'cpu']
        + ['--output', str(base / 'out'), '--speed', '0.1']
    )
    assert status == 0
    return base / 'out'


@pytest.fixture(scope='module')
def metrics(output):
    return json.loads((output / 'metrics.json').read_text())


def test_every_frame_is_answered_or_counted(metrics):
    assert metrics['frames'] == FRAMES
    for images in metrics['images'].values():
        settled = images['published'] + images['replaced'] + images['refused']
        assert images['received'] == settled == FRAMES - images['lost']
        assert images['published'] > 0


def test_features_crossed_and_their_counters_add_up(metrics):
    features = metrics['features']
    assert features['fused'] > 0
    settled = ('fused', 'superseded', 'expired', 'refused', 'cached')
    sent = metrics['images']['infrastructure_node']['published']
    assert features['received'] == sum(features[name] for name in settled) == sent
    assert 0 < metrics['payload_bytes']['mean'] < metrics['message_bytes']['mean']


def test_the_metrics_hold_what_is_promised(metrics):
    assert metrics['protocol'] == 'opendairv2x'
    for side in ('cooperative', 'vehicle_only'):
        for key in ('ap_3d_50', 'ap_bev_50', 'ap_bev_30'):
            assert 0 <= metrics[side][key] <= 100
    assert 0 < metrics['latency_ms']['p50'] <= metrics['latency_ms']['p95']
    assert metrics['rate_hz'] > 0
    assert set(metrics['visible_share']) == {'vehicle', 'infrastructure'}
    assert {'seed', 'git_commit'} <= set(metrics)


@pytest.mark.parametrize('name', ['overview', 'vehicle', 'infrastructure', 'birds_eye'])
def test_the_pictures_show_something(output, name):
    picture = cv2.imread(str(output / f'{name}.png'))
    assert picture.std() > 10


def test_the_report_needs_no_other_file(output):
    page = (output / 'report.html').read_text()
    assert 'generated scenes' in page
    assert 'src="http' not in page and 'href="http' not in page


def test_a_folder_without_pairs_is_refused(folder, tmp_path, capsys):
    empty = tmp_path / 'empty'
    empty.mkdir()
    assert cli.main(['demo', '--dair-root', str(empty), '--output', str(tmp_path / 'out')]) == 1
    assert capsys.readouterr().err.startswith('emiff_ros demo: ')


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--frames', '0'], '--frames is 0; expected at least 1'),
        (['--speed', '0'], '--speed is 0.0; expected more than 0'),
        (['--model', 'none'], "no weights 'none'"),
    ],
)
def test_bad_options_are_refused_before_anything_is_rendered(options, message, tmp_path, capsys):
    folders = ['--output', str(tmp_path / 'out'), '--cache', str(tmp_path / 'scenes')]
    assert cli.main(['demo', *folders, *options]) == 1
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--seed', '-1'], 'seed is -1; expected 0 or more'),
        (['--dair-root', '{}'], 'lists no cooperative pairs that can be used'),
    ],
)
def test_bad_inputs_leave_the_results_of_an_earlier_demo(options, message, tmp_path, capsys):
    root = write_dair_folder(tmp_path / 'data')
    (root / 'cooperative' / 'data_info.json').write_text('[]')
    output = tmp_path / 'out'
    output.mkdir()
    (output / 'metrics.json').write_text('earlier')
    given = [option.format(root) for option in options]
    folders = ['--output', str(output), '--cache', str(tmp_path / 'scenes')]
    assert cli.main(['demo', *folders, *given]) == 1
    assert message in capsys.readouterr().err
    assert (output / 'metrics.json').read_text() == 'earlier'


def test_an_output_that_holds_something_else_is_refused_before_anything_is_rendered(
    tmp_path, capsys
):
    (tmp_path / 'thesis.tex').write_text('mine')
    scenes = tmp_path / 'scenes'
    assert cli.main(['demo', '--output', str(tmp_path), '--cache', str(scenes)]) == 1
    assert 'holds thesis.tex, which no demo wrote' in capsys.readouterr().err
    assert not scenes.exists()


def test_an_unknown_quantization_is_refused_before_anything_is_rendered(tmp_path, capsys):
    with pytest.raises(SystemExit):
        cli.main(['demo', '--output', str(tmp_path / 'out'), '--quantization', 'int5'])
    assert "invalid choice: 'int5'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_report_names_the_command_that_makes_it_again(output):
    text = (output / 'report.html').read_text()
    assert f'--output {output}' not in text
    assert 'emiff_ros demo --dair-root' in text
    assert '--device cpu --quantization int8 --matching dataset_pairs --speed 0.1' in text


def test_the_summary_has_a_dash_where_there_is_no_ap():
    none = dict.fromkeys(('ap_bev_50', 'ap_bev_30', 'ap_3d_50'))
    lines = summary(made_up_metrics(vehicle_only=none)).splitlines()
    assert lines[1].split() == ['AP-BEV@0.5', '46.23', MISSING]


def test_the_next_demo_may_delete_all_that_is_there(output):
    assert {path.name for path in output.iterdir()} == WRITTEN
