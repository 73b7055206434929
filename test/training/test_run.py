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

"""Whole runs on a tiny data set: learning, resuming, budgets, export, broken data."""

import csv
import logging
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import pytest
import torch
from training.tiny import MODEL, TRAINING, tiny_folder, tiny_model, tiny_set, tiny_training
import yaml

from emiff_ros import cli
from emiff_ros.model.weights import load_weights, read_weights
from emiff_ros.training import run
from emiff_ros.training.augmentation import AugmentationConfig
from emiff_ros.training.config import TrainingConfig, TrainingConfigError
from emiff_ros.training.data_check import BrokenDataError, check_sources
from emiff_ros.training.dataset import FolderPairs
from emiff_ros.training.run import RunOptions, train
from emiff_ros.training.variants import derive

CHANGES = AugmentationConfig(
    mirror_probability=0.5, frame_turn_degrees=5.0, brightness=0.1, roadside_dropout=0.3
)


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    logging.getLogger('lightning.pytorch').setLevel(logging.ERROR)
    yield
    torch.set_num_threads(threads)


def _options(folder, **changes):
    return RunOptions(output=folder, accelerator='cpu', progress_bar=False, **changes)


def _losses(folder):
    """Return the loss by step of all parts of a run."""
    losses = {}
    for path in folder.rglob('metrics.csv'):
        with path.open() as file:
            losses |= {
                int(row['step']): row['loss'] for row in csv.DictReader(file) if row['loss']
            }
    return losses


def test_the_loss_falls_and_ap_rises(tmp_path):
    data = tiny_set(tmp_path)
    training = tiny_training(epochs=40, repeat=3, validation={'every_epochs': 20})
    result = train(tiny_model(), training, data, data, _options(tmp_path / 'run'))
    losses = _losses(tmp_path / 'run')
    values = [float(losses[step]) for step in sorted(losses)]
    assert len(values) == result.steps == 240
    assert sum(values[-20:]) < 0.5 * sum(values[:20])
    assert result.best_ap > 5.0


def test_a_resumed_run_repeats_an_unbroken_one(tmp_path):
    data = tiny_set(tmp_path, CHANGES)
    training = tiny_training(epochs=4, augmentation=CHANGES.model_dump())
    train(tiny_model(), training, data, None, _options(tmp_path / 'whole'))

    class KilledError(Exception):
        pass

    class DataThatEnds(type(data)):
        def __getitem__(self, key):
            if key.epoch == 2:
                raise KilledError
            return super().__getitem__(key)

    broken = tiny_set(tmp_path, CHANGES)
    broken.__class__ = DataThatEnds
    with pytest.raises(KilledError):
        train(tiny_model(), training, broken, None, _options(tmp_path / 'parts'))
    part = _losses(tmp_path / 'parts')
    assert len(part) < 8
    resume = _options(tmp_path / 'parts', resume=tmp_path / 'parts' / 'last.ckpt')
    train(tiny_model(), training, data, None, resume)
    assert _losses(tmp_path / 'parts') == _losses(tmp_path / 'whole')
    final = [
        torch.load(tmp_path / part / 'last.ckpt', weights_only=False)['state_dict']
        for part in ('whole', 'parts')
    ]
    assert all(torch.equal(final[0][name], final[1][name]) for name in final[0])


def test_a_killed_process_goes_on_from_its_last_epoch(tmp_path):
    """SIGKILL at any moment leaves a checkpoint that continues with the same losses."""
    folder = tiny_folder(tmp_path)
    steps = {**TRAINING, 'epochs': 12}
    (tmp_path / 'model.yaml').write_text(yaml.safe_dump(MODEL))
    (tmp_path / 'training.yaml').write_text(yaml.safe_dump(steps))
    run = tmp_path / 'run'
    arguments = ['train', '--config', f'{tmp_path}/model.yaml', '--data', str(folder.root)]
    arguments += ['--training', f'{tmp_path}/training.yaml', '--output', str(run)]
    arguments += ['--cache', f'{tmp_path}/cache', '--accelerator', 'cpu']
    process = subprocess.Popen(
        [sys.executable, '-m', 'emiff_ros', *arguments],
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 900.0
        while not (run / 'last.ckpt').exists() and process.poll() is None:
            assert time.monotonic() < deadline, 'no checkpoint within 900 s'
            time.sleep(0.01)
    finally:
        process.kill()
    assert process.wait() == -signal.SIGKILL
    reached = torch.load(run / 'last.ckpt', weights_only=False)['global_step']
    assert 2 <= reached < 24
    data = tiny_set(tmp_path)
    train(tiny_model(), tiny_training(epochs=12), data, None, _options(tmp_path / 'whole'))
    assert cli.main([*arguments, '--resume', f'{run}/last.ckpt']) == 0
    whole, parts = _losses(tmp_path / 'whole'), _losses(run)
    assert set(range(reached, 24)) <= set(parts)
    assert all(parts[step] == whole[step] for step in parts)


def test_a_time_budget_ends_the_run_in_order(tmp_path):
    data = tiny_set(tmp_path)
    training = tiny_training(epochs=1, repeat=4)
    options = _options(tmp_path / 'run', max_minutes=0.05)
    result = train(tiny_model(), training, data, data, options)
    assert 0.05 <= result.minutes < 1.0
    assert result.best_ap is not None and result.checkpoint.is_file()


@pytest.mark.parametrize(('able', 'expected'), [(True, 'bf16-mixed'), (False, '32-true')])
def test_a_cpu_without_bfloat16_trains_in_float32(tmp_path, monkeypatch, caplog, able, expected):
    monkeypatch.setattr(run, 'multiplies', lambda dtype: able)
    training = tiny_training(epochs=1, precision='bf16-mixed')
    result = train(tiny_model(), training, tiny_set(tmp_path), None, _options(tmp_path / 'run'))
    assert result.module.trainer.precision == expected
    assert ('training in float32 instead' in caplog.text) is not able


def test_a_cpu_trains_in_bfloat16_where_float16_is_asked_for(tmp_path, monkeypatch, caplog):
    training, options = tiny_training(precision='16-mixed'), _options(tmp_path)
    monkeypatch.setattr(run, 'multiplies', lambda dtype: True)
    assert run._precision(training, options) == 'bf16-mixed'
    assert 'bf16-mixed instead of 16-mixed' in caplog.text
    monkeypatch.setattr(run, 'multiplies', lambda dtype: False)
    assert run._precision(training, options) == '32-true'
    assert 'float32 instead of 16-mixed' in caplog.text


def test_a_run_that_had_ended_takes_no_further_step(tmp_path):
    data, training = tiny_set(tmp_path), tiny_training(max_steps=3)
    first = train(tiny_model(), training, data, None, _options(tmp_path / 'run'))
    resume = _options(tmp_path / 'other', resume=first.checkpoint)
    again = train(tiny_model(), training, data, None, resume)
    assert again.steps == first.steps == 3
    assert again.checkpoint == first.checkpoint


def test_a_run_goes_on_in_another_folder(tmp_path):
    """The best checkpoint of the first folder is left behind with its score."""
    data = tiny_set(tmp_path)
    training = tiny_training(epochs=2)
    first = train(tiny_model(), training, data, data, _options(tmp_path / 'run'))
    assert first.best_ap is not None
    training = tiny_training(epochs=3, validation={'every_epochs': 10})
    resume = _options(tmp_path / 'other', resume=tmp_path / 'run' / 'last.ckpt')
    other = train(tiny_model(), training, data, data, resume)
    assert (other.checkpoint, other.best_ap) == (tmp_path / 'other' / 'last.ckpt', None)


def test_a_batch_that_may_hold_one_camera_is_refused(tmp_path):
    data, alone = tiny_set(tmp_path), derive(tiny_model(), 'vehicle_only')
    dropout = {'roadside_dropout': 0.1}
    for model, changes in ((alone, {}), (tiny_model(), {'augmentation': dropout})):
        training = tiny_training(batch_size=1, fixed_camera_norm=False, **changes)
        with pytest.raises(ValueError, match='batch_size is 1.*set fixed_camera_norm to true'):
            train(model, training, data, None, _options(tmp_path / 'run'))
    assert not (tmp_path / 'run').exists()
    training = tiny_training(batch_size=1, fixed_camera_norm=False, epochs=1)
    assert train(tiny_model(), training, data, None, _options(tmp_path / 'run')).steps == 4


def test_the_command_trains_and_exports(tmp_path, monkeypatch):
    folder = tiny_folder(tmp_path)
    (tmp_path / 'model.yaml').write_text(yaml.safe_dump(MODEL))
    (tmp_path / 'training.yaml').write_text(yaml.safe_dump(TRAINING))
    arguments = ['train', '--config', f'{tmp_path}/model.yaml']
    arguments += ['--training', f'{tmp_path}/training.yaml', '--data', str(folder.root)]
    arguments += ['--split', 'train', '--val', str(folder.root), '--val-split', 'val']
    arguments += ['--output', f'{tmp_path}/run', '--cache', f'{tmp_path}/cache']
    arguments += ['--accelerator', 'cpu', '--description', 'a test', '--seed', '3', '--half']
    monkeypatch.setattr('sys.argv', ['emiff_ros', *arguments])
    assert cli.main(arguments) == 0
    path = tmp_path / 'run' / 'model.safetensors'
    metadata = read_weights(path).metadata
    assert metadata['trained_on'] == 'a test' and metadata['seed'] == '3'
    assert metadata['training_pairs'] == '3' and metadata['steps'] == '3'
    assert '--seed 3' in metadata['command']
    kept = torch.load(tmp_path / 'run' / 'best.ckpt', weights_only=False)['global_step']
    assert metadata['weights_of_step'] == str(kept)
    assert load_weights(path).config == tiny_model()
    assert list((tmp_path / 'run').rglob('events.out.tfevents*'))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--devices', '0'], "accelerator 'cpu' with 0 devices cannot be used: "),
        (['--export', 'weights.pth'], '--export is weights.pth; expected a name that ends in'),
    ],
)
def test_what_cannot_be_is_said_before_the_first_step(options, message, tmp_path, capsys):
    folder = tiny_folder(tmp_path)
    (tmp_path / 'model.yaml').write_text(yaml.safe_dump(MODEL))
    (tmp_path / 'training.yaml').write_text(yaml.safe_dump(TRAINING))
    arguments = ['--config', f'{tmp_path}/model.yaml', '--training', f'{tmp_path}/training.yaml']
    arguments += ['--data', str(folder.root), '--output', f'{tmp_path}/run']
    assert cli.main(['train', *arguments, '--accelerator', 'cpu', *options]) == 1
    assert message in capsys.readouterr().err


def test_backbones_beside_an_imitation_are_refused(tmp_path):
    training = tiny_training(imitation={'steps': 1}, train_parts=['encoders'])
    files = {'initial_weights': tmp_path / 'w', 'backbone_weights': tmp_path / 'b'}
    with pytest.raises(ValueError, match='imitation.steps is 1: .* leave out --backbone or set'):
        train(
            tiny_model(), training, tiny_set(tmp_path), None, _options(tmp_path / 'run', **files)
        )
    assert not (tmp_path / 'run').exists()


def test_broken_data_are_listed_before_the_first_step(tmp_path, capsys):
    folder = tiny_folder(tmp_path)
    image = folder.pairs[0].infrastructure.image_path
    image.write_bytes(image.read_bytes()[:500])
    label = folder.pairs[2].label_path
    label.unlink()
    with pytest.raises(BrokenDataError) as error:
        check_sources([FolderPairs(folder, folder.pairs)])
    assert '2 problems' in str(error.value)
    assert str(image) in str(error.value) and str(label) in str(error.value)
    (tmp_path / 'model.yaml').write_text(yaml.safe_dump(MODEL))
    (tmp_path / 'training.yaml').write_text(yaml.safe_dump(TRAINING))
    arguments = ['--config', f'{tmp_path}/model.yaml', '--training', f'{tmp_path}/training.yaml']
    arguments += ['--data', str(folder.root), '--output', f'{tmp_path}/run']
    assert cli.main(['train', *arguments]) == 1
    assert str(label) in capsys.readouterr().err
    assert not (tmp_path / 'run').exists()


def test_unknown_training_keys_are_refused(tmp_path):
    path = tmp_path / 'training.yaml'
    path.write_text('epochs: 3\noptimizer:\n  learning_rte: 0.1\n')
    with pytest.raises(TrainingConfigError, match='optimizer.learning_rte is 0.1'):
        TrainingConfig.from_yaml(path)
    with pytest.raises(TrainingConfigError, match='cannot be read'):
        TrainingConfig.from_yaml(tmp_path / 'absent.yaml')


def test_a_configuration_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / 'training.yaml'
    path.write_bytes(b'epochs: 3 # \xff\n')
    with pytest.raises(TrainingConfigError, match='training.yaml: not valid YAML'):
        TrainingConfig.from_yaml(path)


def test_a_configuration_changes_its_base(tmp_path):
    (tmp_path / 'base.yaml').write_text(
        'epochs: 3\noptimizer: {learning_rate: 0.1, betas: [0, 0]}\n'
    )
    (tmp_path / 'fine.yaml').write_text('base: base.yaml\noptimizer: {learning_rate: 0.2}\n')
    config = TrainingConfig.from_yaml(tmp_path / 'fine.yaml')
    assert config.epochs == 3 and config.optimizer.learning_rate == 0.2
    assert config.optimizer.betas == (0, 0)
    (tmp_path / 'base.yaml').write_text('base: fine.yaml\n')
    with pytest.raises(TrainingConfigError, match='leads back to itself'):
        TrainingConfig.from_yaml(tmp_path / 'fine.yaml')
    (tmp_path / 'base.yaml').unlink()
    with pytest.raises(TrainingConfigError, match='base.yaml: cannot be read'):
        TrainingConfig.from_yaml(tmp_path / 'fine.yaml')


@pytest.mark.parametrize('modality', ['vehicle_only', 'infrastructure_only', 'early'])
def test_networks_of_every_modality_learn(tmp_path, modality):
    data = tiny_set(tmp_path, CHANGES, model=derive(tiny_model(), modality))
    training = tiny_training(
        epochs=10, augmentation=CHANGES.model_dump(), loss={'image_weight': 0.2}
    )
    train(data.model, training, data, data, _options(tmp_path / 'run'))
    losses = _losses(tmp_path / 'run')
    values = [float(losses[step]) for step in sorted(losses)]
    assert sum(values[-5:]) < sum(values[:5])


SHIPPED = sorted((Path(__file__).parents[2] / 'config' / 'training').glob('*.yaml'))


@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: path.stem)
def test_shipped_configurations_are_valid(path):
    config = TrainingConfig.from_yaml(path)
    assert config.epochs == 12
    in_parts = path.stem.endswith(('compression', 'rows', 'narrower'))
    assert (config.train_parts is not None) == in_parts
