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

"""AP of methods under growing disturbances, all of them on the same pairs and the same errors."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from emiff_ros.comparison.answer_store import AnswerStore, answers_file
from emiff_ros.comparison.disturbance import Disturbance, Kind, delayed_pairs
from emiff_ros.comparison.methods import Method, Runner
from emiff_ros.dair.evaluation import MEASURES, evaluate, frame_results
from emiff_ros.dair.frames import CooperativePair
from emiff_ros.dair.reader import DairFolder

SIZES: Mapping[Kind, tuple[float, ...]] = {
    'position': (0.0, 0.25, 0.5, 1.0, 1.5, 2.0),
    'heading': (0.0, 0.5, 1.0, 2.0, 3.0, 4.0),
    'delay': (0.0, 100.0, 200.0, 300.0, 400.0, 500.0),
    'exposure': (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0),
}


@dataclass(frozen=True)
class Curve:
    """AP of one method over the sizes of one disturbance.

    Attributes:
        method: name.
        kind: of the disturbance.
        sizes: in its unit.
        frames: number of pairs that every point was measured on.
        values: percent by measure (``ap_bev_50``, ...), one for each size.
    """

    method: str
    kind: Kind
    sizes: tuple[float, ...]
    frames: int
    values: Mapping[str, tuple[float, ...]]


def measure_curves(
    methods: Sequence[Method],
    folder: DairFolder,
    pairs: Sequence[CooperativePair],
    sizes: Mapping[Kind, Sequence[float]],
    answers: Path,
    protocol: str = 'opendairv2x',
    device: str = 'cpu',
) -> list[Curve]:
    """Measure every method under every disturbance.

    Pairs without roadside frames that are old enough are left out of the whole delay curve; if
    none has them there is no delay curve.

    Args:
        methods: to compare.
        folder: of the pairs, for older roadside frames.
        pairs: to measure on.
        sizes: by kind of disturbance.
        answers: folder of the answers so far; an interrupted measurement goes on from there.
        protocol: of the evaluation.
        device: as torch names it.

    Raises:
        ValueError: for no pairs, or networks that do not belong together.
        DairError: if a file of the data set is missing or broken.
    """
    if not pairs:
        raise ValueError('there are no pairs to measure on; give a folder or split with pairs')
    plan = {
        kind: delayed_pairs(folder, pairs, values)
        if kind == 'delay'
        else dict.fromkeys(values, list(pairs))
        for kind, values in sizes.items()
    }
    plan = {kind: points for kind, points in plan.items() if any(points.values())}
    curves = []
    for method in methods:
        runner = Runner(method, device)
        stores = _answer_all(runner, pairs, plan, answers)
        for kind, points in plan.items():
            curves.append(_curve(method.name, kind, points, stores, protocol))
    return curves


_Plan = Mapping[Kind, Mapping[float, Sequence[CooperativePair]]]
_Stores = Mapping[Disturbance, AnswerStore]


def _answer_all(
    runner: Runner, pairs: Sequence[CooperativePair], plan: _Plan, answers: Path
) -> _Stores:
    """Answer pair by pair, so that what a pair's disturbances share is computed once."""
    base = AnswerStore(answers_file(answers, runner, pairs, 'undisturbed'))
    stores = {}
    work: list[tuple[str, Disturbance, CooperativePair]] = []
    for kind, points in plan.items():
        for size, found in points.items():
            disturbance = Disturbance(kind, size)
            stores[disturbance] = base
            if size:
                path = answers_file(answers, runner, pairs, f'{kind}_{size:g}')
                stores[disturbance] = AnswerStore(path)
            work += [(pair.vehicle.frame_id, disturbance, pair) for pair in found]
    # Stable: within a frame the disturbances keep their order, which shares most.
    work.sort(key=lambda item: item[0])
    with ExitStack() as stack:
        for store in dict.fromkeys(stores.values()):
            stack.enter_context(store.adding())
        for frame_id, disturbance, pair in tqdm(work, desc=runner.method.name, unit='frame'):
            if frame_id not in stores[disturbance].answers:
                stores[disturbance].add(frame_id, runner.answer(pair, disturbance))
    return stores


def _curve(
    name: str,
    kind: Kind,
    points: Mapping[float, Sequence[CooperativePair]],
    stores: _Stores,
    protocol: str,
) -> Curve:
    results = []
    for size, pairs in points.items():
        answers = stores[Disturbance(kind, size)].answers
        found = {p.vehicle.frame_id: answers[p.vehicle.frame_id].prediction for p in pairs}
        results.append(evaluate(frame_results(pairs, found, protocol), protocol))
    return Curve(
        name,
        kind,
        tuple(points),
        len(next(iter(points.values()))),
        {measure.key: tuple(result.ap(*measure) for result in results) for measure in MEASURES},
    )
