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

"""The runs of a study: what is derived from what, and what the table compares."""

import argparse
from dataclasses import replace
from pathlib import Path

import pytest

from emiff_ros.commands import compare, train
from emiff_ros.comparison.study import Study, compared_methods, training_runs, write_configurations
from emiff_ros.training.config import TrainingConfig

CONFIG = Path(__file__).parents[2] / 'config'


@pytest.fixture
def study(tmp_path):
    return Study(
        CONFIG / 'model' / 'emiff_small.yaml',
        CONFIG / 'training' / 'small.yaml',
        CONFIG / 'training' / 'compression.yaml',
        [tmp_path / 'data'],
        tmp_path / 'out',
        seeds=(0, 1),
        rates=(1, 256),
        ablations=('without_mca',),
        minutes=60.0,
        options=('--devices', '2'),
    )


def parsed(run):
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    return parser.parse_args(run.arguments)


def test_the_runs_are_trainings_with_weights_of_their_own(study):
    write_configurations(study)
    runs = {run.name: parsed(run) for run in training_runs(study)}
    assert len(runs) == 2 * 6 + 1 + 2
    assert len({run.export for run in runs.values()}) == len(runs)
    assert all(run.devices == 2 for run in runs.values())
    minutes = {name: run.max_minutes for name, run in runs.items()}
    assert minutes.pop('fc_1x_0') is minutes.pop('fc_256x_0') is None
    assert set(minutes.values()) == {60.0}
    assert runs['emiff_1'].variant is None and runs['emiff_1'].seed == 1
    assert runs['fc_256x_0'].weights == runs['emiff_0'].export
    assert runs['without_mca_0'].variant == 'without_mca'
    labels = {name: TrainingConfig.from_yaml(run.training).ground_truth.labels
              for name, run in runs.items()}  # fmt: skip
    assert labels['vehicle_only_own_labels_0'] == 'vehicle'
    assert labels['infrastructure_only_own_labels_1'] == 'infrastructure'
    assert labels['vehicle_only_0'] == labels['emiff_0'] == 'cooperative'


def test_every_row_starts_from_the_trunk_if_there_is_one(study):
    trunk = study.output / 'trunk.safetensors'
    runs = training_runs(replace(study, trunk=trunk, minutes=None))
    assert {parsed(run).weights for run in runs} == {trunk}
    assert {run.start for run in runs} == {trunk}
    assert {parsed(run).max_minutes for run in runs} == {None}


def test_a_run_says_what_it_starts_from(study):
    starts = {run.name: run.start for run in training_runs(study)}
    assert starts['emiff_0'] is starts['without_mca_0'] is None
    assert starts['fc_256x_0'] == study.weights('emiff_0')


def test_the_table_compares_every_run(study, monkeypatch):
    monkeypatch.setattr(compare, 'find', Path)
    parser = argparse.ArgumentParser()
    compare.add_arguments(parser)
    arguments = parser.parse_args([str(study.output), *compared_methods(study), '-o', 'table'])
    methods = compare.methods_of(arguments)
    used = {method.weights for method in methods}
    used |= {method.infrastructure_weights for method in methods}
    assert used - {None} == {parsed(run).export for run in training_runs(study)}
    assert len({method.name for method in methods}) == len(methods)
