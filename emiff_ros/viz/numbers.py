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

"""The content of metrics.json as people read it: checked, with units, a dash where none is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import math
from typing import Any

from emiff_ros.viz.palette import Source

AP_KEYS = {
    'ap_bev_50': 'AP BEV @ IoU 0.5',
    'ap_bev_30': 'AP BEV @ IoU 0.3',
    'ap_3d_50': 'AP 3D @ IoU 0.5',
}
MISSING = '\N{EM DASH}'
_REQUIRED = {
    'frames': (),
    'cooperative': tuple(AP_KEYS),
    'vehicle_only': tuple(AP_KEYS),
    'payload_bytes': ('mean', 'max'),
    'message_bytes': ('mean', 'max'),
    'latency_ms': ('p50', 'p95'),
    'rate_hz': (),
    'images': (),
    'features': (),
    'visible_share': (),
    'seed': (),
    'git_commit': (),
}


def check_metrics(metrics: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return ``metrics`` if it has every entry that the report shows.

    Raises:
        ValueError: naming each entry that is missing.
    """
    missing = []
    for key, inner in _REQUIRED.items():
        if key not in metrics:
            missing.append(key)
        elif inner:
            found = metrics[key] if isinstance(metrics[key], Mapping) else {}
            missing += [f'{key}.{name}' for name in inner if name not in found]
    if missing:
        raise ValueError(
            f'the metrics lack {", ".join(missing)}; expected the content of a metrics.json '
            'that the demo wrote'
        )
    return metrics


def _known(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def percent(value: float | None, digits: int = 1) -> str:
    """Write a number that is in percent already, without its sign."""
    return f'{value:.{digits}f}' if _known(value) else MISSING


def share(value: float | None) -> str:
    """Write a share 0..1 in percent."""
    return f'{100 * value:.0f} %' if _known(value) else MISSING


def milliseconds(value: float | None) -> str:
    """Write a time in milliseconds."""
    if not _known(value):
        return MISSING
    return f'{value:.0f} ms' if abs(value) >= 10 else f'{value:.1f} ms'


def byte_size(value: float | None) -> str:
    """Write a number of bytes, in kB (1000 bytes) from 1000 on."""
    if not _known(value):
        return MISSING
    for limit, unit in ((1e6, 'MB'), (1e3, 'kB')):
        if value >= limit:
            return f'{value / limit:.2f}'.rstrip('0').rstrip('.') + f' {unit}'
    return f'{value:.0f} B'


def rate(value: float | None) -> str:
    """Write a rate per second."""
    return f'{value:.1f} Hz' if _known(value) else MISSING


def difference(value: float | None, other: float | None) -> str:
    """Write ``value - other`` in points, with its sign."""
    return f'{value - other:+.1f}' if _known(value) and _known(other) else MISSING


@dataclass(frozen=True)
class Row:
    """One line of a table of AP: a label, both results in percent and their difference."""

    label: str
    cooperative: str
    vehicle_only: str
    gain: str


def ap_rows(metrics: Mapping[str, Any]) -> list[Row]:
    """Return AP by threshold, cooperative beside vehicle only."""
    return [_row(label, metrics, key) for key, label in AP_KEYS.items()]


def range_groups(metrics: Mapping[str, Any]) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Return the results of both sources by distance: ``{'0-30 m': {'cooperative': {...}, ...}}``.

    Empty where the metrics have no ``ranges``. The range ``overall`` is the headline and left out.
    """
    ranges = metrics.get('ranges') or {}
    sources = (Source.COOPERATIVE.value, Source.VEHICLE_ONLY.value)
    names = [name for name in ranges.get(sources[0], {}) if name != 'overall']
    return {
        f'{name} m': {source: ranges.get(source, {}).get(name, {}) for source in sources}
        for name in names
    }


def range_rows(metrics: Mapping[str, Any], key: str = 'ap_bev_50') -> list[Row]:
    """Return AP by distance, empty where the metrics have no ``ranges``."""
    return [_row(label, both, key) for label, both in range_groups(metrics).items()]


def _row(label: str, both: Mapping[str, Any], key: str) -> Row:
    ours, alone = (
        (both.get(source.value) or {}).get(key)
        for source in (Source.COOPERATIVE, Source.VEHICLE_ONLY)
    )
    return Row(label, percent(ours), percent(alone), difference(ours, alone))


def counter_rows(counters: Mapping[str, Any], prefix: str = '') -> list[tuple[str, int]]:
    """Flatten nested counters; ``refused: {late: 2}`` becomes ``('refused, late', 2)``."""
    rows = []
    for name, value in counters.items():
        label = f'{prefix}, {name}' if prefix else str(name)
        if isinstance(value, Mapping):
            rows += counter_rows(value, label)
        else:
            rows.append((label.replace('.', ', ').replace('_', ' '), int(value)))
    return rows


@dataclass(frozen=True)
class Balance:
    """Whether counters add up, as a sentence such as ``3 received = 2 published + 1 replaced``."""

    sentence: str
    holds: bool


def balance(counters: Mapping[str, Any], parts: Sequence[str], rest: str) -> Balance | None:
    """Check that ``received`` is the sum of ``parts`` and of what is still under way.

    Args:
        counters: of one node; a part may be split by cause, a missing one counts 0.
        parts: names of the counters that ``received`` splits into.
        rest: what the difference is called, for example ``still cached``.

    Returns:
        None if nothing was counted as received.
    """
    if not isinstance(counters.get('received'), int):
        return None
    received = counters['received']
    values = [(_total(counters.get(part, 0)), part) for part in parts]
    left = received - sum(value for value, _ in values)
    if left:
        values.append((left, rest))
    terms = ' + '.join(f'{value} {name}' for value, name in values)
    return Balance(f'{received} received = {terms}', left >= 0)


def _total(count: Any) -> int:
    return sum(map(_total, count.values())) if isinstance(count, Mapping) else int(count)
