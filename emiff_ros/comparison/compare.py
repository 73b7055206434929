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

"""Runs methods on the same pairs and evaluates them; what was answered before is not run again."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from emiff_ros.comparison.answer_store import AnswerStore, answers_file
from emiff_ros.comparison.methods import Answer, Method, Runner
from emiff_ros.comparison.table import Row
from emiff_ros.dair.evaluation import evaluate, frame_results
from emiff_ros.dair.frames import CooperativePair


def compare(
    methods: Sequence[Method],
    pairs: Sequence[CooperativePair],
    protocol: str,
    answers: Path,
    device: str = 'cpu',
) -> Iterator[Row]:
    """Yield one row a method, all of them measured on the same pairs.

    Args:
        methods: in the order of the rows.
        pairs: of one folder.
        protocol: of the evaluation.
        answers: folder of the answers so far; a method's file is named by its networks, their
            settings, the device and the data set too, so that others never use it.
        device: as torch names it.

    Raises:
        ValueError: for no pairs, two methods of one name, or networks that do not belong together.
        DairError: if a file of the data set is missing or broken.
    """
    if not pairs:
        raise ValueError('there are no pairs to compare on; give a folder or split with pairs')
    names = [method.name for method in methods]
    if len(set(names)) != len(names):
        raise ValueError(f'methods are called {names}; expected a name of its own for each')
    for method in methods:
        runner = Runner(method, device)
        found = _answer_all(runner, pairs, AnswerStore(answers_file(answers, runner, pairs)))
        yield _row(runner, pairs, found, protocol)


def _answer_all(
    runner: Runner, pairs: Sequence[CooperativePair], store: AnswerStore
) -> dict[str, Answer]:
    missing = [pair for pair in pairs if pair.vehicle.frame_id not in store.answers]
    done = len(pairs) - len(missing)
    with (
        store.adding(),
        tqdm(total=len(pairs), initial=done, desc=runner.method.name, unit='pair') as bar,
    ):
        for pair in missing:
            store.add(pair.vehicle.frame_id, runner.answer(pair))
            bar.update()
    return {pair.vehicle.frame_id: store.answers[pair.vehicle.frame_id] for pair in pairs}


def _row(
    runner: Runner,
    pairs: Sequence[CooperativePair],
    answers: dict[str, Answer],
    protocol: str,
) -> Row:
    predictions = {key: answer.prediction for key, answer in answers.items()}
    result = evaluate(frame_results(pairs, predictions, protocol), protocol)
    return Row(
        method=runner.method.name,
        kind=runner.kind,
        result=result,
        message_bytes=float(np.mean([p.message_bytes for p in predictions.values()])),
        average_bytes=float(np.mean([p.transmitted_bytes for p in predictions.values()])),
        milliseconds=float(np.median([answer.milliseconds for answer in answers.values()])),
        seeds=_of_all(runner, 'seed'),
        steps=_of_all(runner, 'steps'),
        trained_on=_of_all(runner, 'trained_on'),
        fingerprints=' + '.join(network.fingerprint[:12] for network in runner.networks),
    )


def _of_all(runner: Runner, key: str) -> str:
    return ' + '.join(network.metadata.get(key, '?') for network in runner.networks)
