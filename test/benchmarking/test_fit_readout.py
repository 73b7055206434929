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

"""The script that teaches the last layers of a large network a few pairs."""

from pathlib import Path
import sys

from imported_file import import_file
import pytest
import torch
from training.tiny import tiny_folder, tiny_model, tiny_set, tiny_training

from emiff_ros.model.emiff import Emiff
from emiff_ros.model.weights import load_weights
from emiff_ros.training.batch import collate
from emiff_ros.training.losses import detection_loss

SCRIPT = Path(__file__).parents[2] / 'benchmark' / 'accuracy' / 'fit_readout.py'
MODEL = tiny_model(
    voxels={'counts': [29, 25, 6]},
    neck={'kind': 'volume', 'widths': [8, 8], 'out_channels': 64},
)


@pytest.fixture(scope='module')
def script():
    return import_file(SCRIPT)


@pytest.fixture
def batches(tmp_path):
    data = tiny_set(tmp_path, model=MODEL)
    return [collate([data[index]], MODEL) for index in range(len(data))]


def test_cells_are_those_of_the_whole_network(script, batches):
    torch.manual_seed(0)
    model = Emiff(MODEL).eval()
    readout = script.Readout(model, batches)
    cells = torch.randperm(readout.pairs * readout.columns * readout.rows)[:300]
    with torch.no_grad():
        ours = readout(cells)
        whole = [
            model(batch.vehicle_images, batch.vehicle_cameras, batch.infrastructure_views)
            for batch in batches
        ]
    for part, maps in zip(ours, zip(*whole, strict=True), strict=True):
        expected = torch.cat(maps).permute(1, 0, 2, 3).flatten(1)[:, cells]
        assert torch.allclose(part[0, :, 0], expected, atol=1e-5)


def test_targets_of_cells_are_those_of_the_whole_grid(script, batches):
    model = Emiff(MODEL).eval()
    training = tiny_training()
    lesson = script.Lesson(model, batches, training)
    everywhere = torch.arange(len(batches) * 29 * 25)
    targets = lesson.targets(everywhere)
    assert targets.positive.sum() == len(targets.deltas) == len(targets.positive_index) > 0
    some = lesson.targets(lesson.with_object)
    assert torch.equal(some.deltas, targets.deltas)
    assert torch.equal(some.direction, targets.direction)
    assert some.normaliser == targets.normaliser


def test_the_boxes_of_the_pairs_are_learned(script, batches):
    torch.manual_seed(0)
    model = Emiff(MODEL).eval()
    training = tiny_training(optimizer={'learning_rate': 0.01, 'gradient_clip': 10.0})
    script.fit_norms(model, batches)
    readout = script.Readout(model, batches)
    lesson = script.Lesson(model, batches, training)

    def loss():
        cells = lesson.with_object
        with torch.no_grad():
            return detection_loss(*readout(cells), lesson.targets(cells), training.loss)

    before = loss()
    script.fit(readout, lesson, training, steps=100)
    after = loss()
    assert after.box < 0.02 * before.box
    assert after.classification < 0.5 * before.classification


def test_the_weights_are_those_of_the_whole_network(script, tmp_path, monkeypatch):
    folder = tiny_folder(tmp_path / 'folder')
    config, weights = tmp_path / 'tiny.yaml', tmp_path / 'fitted' / 'tiny.safetensors'
    MODEL.to_yaml(config)
    monkeypatch.setattr(
        sys,
        'argv',
        ['fit_readout.py', '--config', str(config), '--data', str(folder.root), '--pairs', '2']
        + ['--steps', '2', '--output', str(weights)],
    )
    assert script.main() == 0
    assert load_weights(weights)[0].config == MODEL


def test_a_folded_neck_is_refused(script, tmp_path, monkeypatch):
    config = tmp_path / 'folded.yaml'
    tiny_model().to_yaml(config)
    monkeypatch.setattr(
        sys,
        'argv',
        ['fit_readout.py', '--config', str(config), '--data', 'none', '--output', 'none'],
    )
    with pytest.raises(SystemExit, match='expected a volume'):
        script.main()
