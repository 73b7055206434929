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

"""The runs of a whole comparison: every row of the paper's tables, trained one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from emiff_ros.training.variants import RATES

_SIDES = {'vehicle_only': 'vehicle', 'infrastructure_only': 'infrastructure'}


@dataclass(frozen=True)
class Study:
    """What is trained, on what, with which budget.

    Attributes:
        config: model configuration that every row is derived from.
        training: training configuration of the rows.
        compression_training: training configuration of the compression rates (on the trunk).
        data: folders to train on.
        output: folder of runs, weights and table.
        seeds: of the main rows; the first one's cooperative network is the trunk.
        rates: of the compression study.
        ablations: further variants, trained with the first seed.
        minutes: time budget of every run but the compression rates, whose budget is the steps of
            their configuration; None trains for the configured epochs.
        options: of every training run, for instance ``--devices 2``.
    """

    config: Path
    training: Path
    compression_training: Path
    data: Sequence[Path]
    output: Path
    seeds: Sequence[int] = (0,)
    rates: Sequence[int] = RATES
    ablations: Sequence[str] = ()
    minutes: float | None = None
    options: Sequence[str] = field(default_factory=tuple)

    def weights(self, name: str) -> Path:
        """Return where a run's weights are written."""
        return self.output / 'weights' / f'{name}.safetensors'

    def last_checkpoint(self, name: str) -> Path:
        """Return where a run goes on from."""
        return self.output / 'runs' / name / 'last.ckpt'


@dataclass(frozen=True)
class Run:
    """One training: its name and the arguments of the verb ``train``."""

    name: str
    arguments: tuple[str, ...]


def training_runs(study: Study) -> list[Run]:
    """Return the runs in the order in which they need each other."""
    runs = []
    budget = () if study.minutes is None else ('--max-minutes', str(study.minutes))
    for seed in study.seeds:
        runs.append(_run(study, f'emiff_{seed}', None, study.training, seed, budget))
        runs.append(_run(study, f'early_{seed}', 'early', study.training, seed, budget))
        for variant, side in _SIDES.items():
            runs.append(_run(study, f'{variant}_{seed}', variant, study.training, seed, budget))
            own = study.output / 'configurations' / f'{side}_labels.yaml'
            runs.append(_run(study, f'{variant}_own_labels_{seed}', variant, own, seed, budget))
    first = study.seeds[0]
    for variant in study.ablations:
        runs.append(_run(study, f'{variant}_{first}', variant, study.training, first, budget))
    trunk = ('--weights', str(study.weights(f'emiff_{first}')))
    for rate in study.rates:
        training = study.compression_training
        runs.append(_run(study, f'fc_{rate}x_{first}', f'{rate}x', training, first, trunk))
    return runs


def compared_methods(study: Study) -> list[str]:
    """Return the methods of the table as options of the verb ``compare``."""
    options = []

    def add(kind: str, row: str, *names: str) -> None:
        files = ','.join(str(study.weights(name)) for name in names)
        options.extend((f'--{kind}', f'{row}={files}'))

    for seed in study.seeds:
        add('method', f'vehicle only, seed {seed}', f'vehicle_only_{seed}')
        add('method', f'infrastructure only, seed {seed}', f'infrastructure_only_{seed}')
        for labels, suffix in (('cooperative', ''), ('own', '_own_labels')):
            add(
                'late',
                f'late ({labels} labels), seed {seed}',
                *(f'{variant}{suffix}_{seed}' for variant in _SIDES),
            )
        add('method', f'early, seed {seed}', f'early_{seed}')
        add('method', f'EMIFF, seed {seed}', f'emiff_{seed}')
        add('alone', f'EMIFF without roadside, seed {seed}', f'emiff_{seed}')
    first = study.seeds[0]
    for variant in study.ablations:
        add('method', f'EMIFF {variant}', f'{variant}_{first}')
    for rate in study.rates:
        add('method', f'EMIFF {rate}x', f'fc_{rate}x_{first}')
    return options


def write_configurations(study: Study) -> None:
    """Write the training configurations that differ from the study's in their labels."""
    folder = study.output / 'configurations'
    folder.mkdir(parents=True, exist_ok=True)
    for side in _SIDES.values():
        values = {'base': str(study.training.resolve()), 'ground_truth': {'labels': side}}
        (folder / f'{side}_labels.yaml').write_text(yaml.safe_dump(values), encoding='utf-8')


def _run(
    study: Study,
    name: str,
    variant: str | None,
    training: Path,
    seed: int,
    further: Sequence[str] = (),
) -> Run:
    return Run(
        name,
        (
            *('--config', str(study.config)),
            *(('--variant', variant) if variant else ()),
            *('--training', str(training), '--seed', str(seed)),
            *('--data', *map(str, study.data)),
            *('--output', str(study.last_checkpoint(name).parent)),
            *('--export', str(study.weights(name))),
            *further,
            *study.options,
        ),
    )
