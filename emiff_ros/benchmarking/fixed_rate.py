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

"""Latency at a fixed rate, and the highest rate that loses fewer than one picture in twenty.

As in nodes without ``overlap``, one worker takes the newest picture; those that it could not take
are lost.
"""

from collections.abc import Callable
import time
from typing import Any

import numpy as np

TOLERATED_LOSS = 0.05
_STEP = 0.93


def run_at_rate(
    run: Callable[[int], Any],
    rate: float,
    items: int,
    clock: Callable[[], float] = time.perf_counter,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, float | int]:
    """Offer items at a fixed rate.

    Args:
        run: processes one item, given its index, and returns when the result is there.
        rate: items a second.
        items: how many are offered.
        clock: in seconds.
        sleep: waits for some seconds of that clock.

    Returns:
        ``rate``, items ``offered`` and ``lost``, the share ``loss``, and percentiles of the
        latency from an item's arrival to its result, of the first and of the second half of the
        results too: they differ if a queue grows.

    Raises:
        ValueError: if rate or items are not positive.
    """
    if rate <= 0 or items <= 0:
        raise ValueError(f'rate is {rate} and items {items}; expected both above 0')
    started, following, latencies = clock(), 0, []
    while following < items:
        newest = min(int((clock() - started) * rate), items - 1)
        if newest < following:
            sleep(max(0.0, started + following / rate - clock()))
            continue
        run(newest)
        latencies.append(1000 * (clock() - started - newest / rate))
        following = newest + 1
    half = len(latencies) // 2
    p50, p95, p99 = np.percentile(latencies, (50, 95, 99))
    return {
        'rate': round(rate, 3),
        'offered': items,
        'lost': items - len(latencies),
        'loss': round(1 - len(latencies) / items, 4),
        'p50_ms': round(float(p50), 3),
        'p95_ms': round(float(p95), 3),
        'p99_ms': round(float(p99), 3),
        'first_half_p50_ms': round(float(np.median(latencies[:half] or latencies)), 3),
        'second_half_p50_ms': round(float(np.median(latencies[half:])), 3),
    }


def highest_rate(
    measure: Callable[[float], dict[str, float | int]], start: float, attempts: int = 12
) -> dict[str, float | int] | None:
    """Return the measurement of the highest rate whose loss is tolerable.

    Args:
        measure: as :func:`run_at_rate`, given a rate.
        start: the first rate; each further one is 7 % lower.
        attempts: how many rates are tried.

    Returns:
        What was measured, or None if even the lowest rate loses too much.
    """
    for attempt in range(attempts):
        measured = measure(start * _STEP**attempt)
        if measured['loss'] < TOLERATED_LOSS:
            return measured
    return None
