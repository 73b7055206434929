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

"""Train every row of the paper's tables and compare them: one command, hours to days.

``python benchmark/accuracy/study.py --config config/model/emiff_small.yaml
--training config/training/small.yaml --data data/train --eval data/test --seeds 0 1
--minutes 60 --output out/study -- --devices 2``

Options behind ``--`` go to every training. Interrupted, it goes on: finished runs are not run
again, an unfinished one resumes from its last epoch. With ``--jobs`` several run at a time, each
with a log of its own.
"""

import argparse
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
import subprocess
import sys
from typing import TextIO

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tqdm import tqdm  # noqa: E402

from emiff_ros.comparison.study import (  # noqa: E402
    Run,
    Study,
    compared_methods,
    training_runs,
    write_configurations,
)
from emiff_ros.training.variants import RATES, VARIANTS  # noqa: E402


def main() -> int:
    """Train what is missing, then compare."""
    own, train_options = _split(sys.argv[1:])
    arguments = _parser().parse_args(own)
    study = Study(
        arguments.config,
        arguments.training,
        arguments.compression_training,
        arguments.data,
        arguments.output,
        arguments.trunk,
        arguments.seeds,
        arguments.rates,
        arguments.ablations,
        arguments.minutes,
        train_options,
    )
    write_configurations(study)
    _train_all(study, arguments.jobs)
    split = ['--split', arguments.eval_split] if arguments.eval_split else []
    output = ['--output', str(study.output / 'table')]
    _verb('compare', str(arguments.eval), *split, *compared_methods(study), *output)
    return 0


def _train_all(study: Study, jobs: int) -> None:
    """Train what has no weights yet, ``jobs`` runs at a time; a run waits for what it starts from.

    Raises:
        CalledProcessError: of the first run that failed, after those under way have ended.
    """
    missing = [run for run in training_runs(study) if not study.weights(run.name).exists()]
    under_way: dict[Path, Future[None]] = {}
    with ThreadPoolExecutor(jobs) as pool:
        for run in missing:
            before = under_way.get(run.start) if run.start else None
            under_way[study.weights(run.name)] = pool.submit(_train, study, run, jobs > 1, before)
        try:
            for future in tqdm(under_way.values(), desc='training', unit='run'):
                future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _train(study: Study, run: Run, to_log: bool, before: 'Future[None] | None') -> None:
    if before is not None:
        before.result()
    checkpoint = study.last_checkpoint(run.name)
    resume = ['--resume', str(checkpoint)] if checkpoint.exists() else []
    if not to_log:
        return _verb('train', *run.arguments, *resume)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    with (checkpoint.parent / 'log.txt').open('a', encoding='utf-8') as log:
        _verb('train', *run.arguments, *resume, log=log)


def _verb(*arguments: str, log: TextIO | None = None) -> None:
    command = [sys.executable, '-m', 'emiff_ros', *arguments]
    subprocess.run(command, check=True, cwd=ROOT, stdout=log, stderr=log)


def _split(arguments: list[str]) -> tuple[list[str], tuple[str, ...]]:
    if '--' not in arguments:
        return arguments, ()
    place = arguments.index('--')
    return arguments[:place], tuple(arguments[place + 1 :])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    path = {'type': lambda text: Path(text).resolve()}
    parser.add_argument('--config', **path, required=True, help='model configuration of all rows')
    parser.add_argument('--training', **path, required=True, help='training configuration')
    parser.add_argument(
        '--compression-training',
        **path,
        default=ROOT / 'config' / 'training' / 'compression.yaml',
        help='training configuration of the compression rates (default: %(default)s)',
    )
    parser.add_argument('--data', **path, nargs='+', required=True, help='folders to train on')
    parser.add_argument('--eval', **path, required=True, help='folder to compare on')
    parser.add_argument('--eval-split', help='only this split of it')
    parser.add_argument(
        '--trunk', **path, help='weights that every row starts from (default: random ones)'
    )
    parser.add_argument('--seeds', type=int, nargs='+', default=[0], help='of the main rows')
    parser.add_argument('--rates', type=int, nargs='*', default=list(RATES), help='of compression')
    parser.add_argument(
        '--ablations', nargs='*', default=[], choices=sorted(VARIANTS), help='further rows'
    )
    parser.add_argument(
        '--minutes', type=float, help='budget of each run but the compression rates'
    )
    parser.add_argument('--jobs', type=int, default=1, help='runs at a time (default: 1)')
    parser.add_argument('--output', **path, required=True, help='folder of runs and table')
    return parser


if __name__ == '__main__':
    sys.exit(main())
