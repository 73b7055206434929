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

"""The table of a comparison: AP by range beside bytes and milliseconds, as Markdown and CSV."""

from collections.abc import Mapping, Sequence
import csv
from dataclasses import dataclass
import io
import itertools
import math
from typing import Any

from emiff_ros.dair.evaluation import MEASURES, RANGES, EvaluationResult, Measure

_MAIN = 0.5


@dataclass(frozen=True)
class Row:
    """One method's result.

    Attributes:
        method: name.
        kind: where the two sides meet (``vehicle_only``, ``late``, ``early``, ``cooperative``,
            ``infrastructure_only``).
        result: AP under one protocol.
        message_bytes: mean serialised length of what was sent for a frame.
        average_bytes: AB: the same as published figures count it.
        milliseconds: median time of the networks for a frame.
        seeds, steps, trained_on: of the trained networks, from their metadata.
        fingerprints: of the weights, shortened.
    """

    method: str
    kind: str
    result: EvaluationResult
    message_bytes: float
    average_bytes: float
    milliseconds: float
    seeds: str
    steps: str
    trained_on: str
    fingerprints: str

    def values(self) -> dict[str, Any]:
        """Return every column of the CSV file; empty where AP is not defined."""
        values: dict[str, Any] = {'method': self.method, 'fusion': self.kind}
        for measure, name in itertools.product(MEASURES, RANGES):
            ap = self.result.ap(*measure, name)
            values[f'{measure.key}_{name}'] = '' if math.isnan(ap) else round(ap, 4)
        return values | {
            'message_bytes': round(self.message_bytes, 1),
            'ab_bytes': round(self.average_bytes, 1),
            'milliseconds': round(self.milliseconds, 2),
            'seed': self.seeds,
            'steps': self.steps,
            'protocol': self.result.protocol,
            'frames': self.result.frames,
            'trained_on': self.trained_on,
            'fingerprint': self.fingerprints,
        }


def to_csv(rows: Sequence[Row], facts: Mapping[str, str]) -> str:
    """Return the table as CSV, one line a method; ``facts`` become further columns."""
    buffer = io.StringIO()
    lines = [row.values() | dict(facts) for row in rows]
    writer = csv.DictWriter(buffer, list(lines[0]), lineterminator='\n')
    writer.writeheader()
    writer.writerows(lines)
    return buffer.getvalue()


def to_markdown(rows: Sequence[Row], facts: Mapping[str, str]) -> str:
    """Return two Markdown tables, AP by range at IoU 0.5 and AP at the other thresholds."""
    result = rows[0].result
    at_main = [measure for measure in MEASURES if measure.iou_threshold == _MAIN]
    main = list(itertools.product(at_main, RANGES))
    others = list(itertools.product([each for each in MEASURES if each not in at_main], RANGES))
    lines = [f'AP in percent, protocol {result.protocol}, {result.frames} frames.', '']
    head = ['method', *(f'{measure.title} {name}' for measure, name in main)]
    head += ['message bytes', 'AB bytes', 'ms', 'seed', 'steps']
    lines += _table(head, [[row.method, *_aps(row, main), *_costs(row)] for row in rows])
    head = ['method', *(f'{measure.title} {name}' for measure, name in others)]
    body = [[row.method, *_aps(row, others)] for row in rows]
    lines += ['', *_table(head, body), '']
    lines += [
        'Message bytes: serialised message, headers included, mean of a frame. AB: as published '
        'figures count (72 bytes a box, 4 bytes a feature value, the JPEG of an image). ms: '
        'median time of the networks for a frame, both sides one after the other.',
        '',
    ]
    lines += [f'- {name}: {value}' for name, value in facts.items()]
    return '\n'.join(lines) + '\n'


def _aps(row: Row, columns: Sequence[tuple[Measure, str]]) -> list[str]:
    values = [row.result.ap(*measure, name) for measure, name in columns]
    return ['-' if math.isnan(value) else f'{value:.2f}' for value in values]


def _costs(row: Row) -> list[str]:
    sizes = [f'{row.message_bytes:,.0f}', f'{row.average_bytes:,.0f}']
    return [*sizes, f'{row.milliseconds:.0f}', row.seeds, row.steps]


def _table(head: Sequence[str], body: Sequence[Sequence[str]]) -> list[str]:
    rows = [head, ['---'] * len(head), *body]
    return ['| ' + ' | '.join(row) + ' |' for row in rows]
