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
        trunk: weights of a cooperative network that every row starts from; None trains the main
            rows from random weights.
        seeds: of the main rows; without ``trunk`` the first one's cooperative network is what the
            compression rates start from.
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
    trunk: Path | None = None
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
    """One training.

    Attributes:
        name: of the run.
        arguments: of the verb ``train``.
        start: weights that it starts from; another run's or a file that was there before.
    """

    name: str
    arguments: tuple[str, ...]
    start: Path | None = None


def training_runs(study: Study) -> list[Run]:
    """Return the runs in the order in which they need each other."""
    runs = []

    def add(name: str, variant: str | None, training: Path, seed: int) -> None:
        runs.append(_run(study, f'{name}_{seed}', variant, training, seed, study.trunk))

    for seed in study.seeds:
        add('emiff', None, study.training, seed)
        add('early', 'early', study.training, seed)
        for variant, side in _SIDES.items():
            add(variant, variant, study.training, seed)
            own = study.output / 'configurations' / f'{side}_labels.yaml'
            add(f'{variant}_own_labels', variant, own, seed)
    first = study.seeds[0]
    for variant in study.ablations:
        add(variant, variant, study.training, first)
    trunk = study.trunk or study.weights(f'emiff_{first}')
    training = study.compression_training
    for rate in study.rates:
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
    start: Path | None,
) -> Run:
    timed = study.minutes is not None and training != study.compression_training
    return Run(
        name,
        (
            *('--config', str(study.config)),
            *(('--variant', variant) if variant else ()),
            *('--training', str(training), '--seed', str(seed)),
            *('--data', *map(str, study.data)),
            *('--output', str(study.last_checkpoint(name).parent)),
            *('--export', str(study.weights(name))),
            *(('--weights', str(start)) if start else ()),
            *(('--max-minutes', str(study.minutes)) if timed else ()),
            *study.options,
        ),
        start,
    )
