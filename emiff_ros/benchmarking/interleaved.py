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

"""Time candidates against each other: turn by turn, so that a drifting machine hurts all alike."""

from collections.abc import Callable, Sequence
import statistics
import time
from typing import Any

import numpy as np

MIN_ROUNDS = 5


def time_interleaved(
    candidates: dict[str, Callable[[int], Any]],
    rounds: int = 6,
    turn_seconds: float = 1.0,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[list[float]]]:
    """Run all candidates in turns.

    Args:
        candidates: each runs one item, given its index, and returns when the result is there;
            warmed up already.
        rounds: how often each gets a turn, at least 5.
        turn_seconds: about how long a turn lasts; it has at least one item.
        clock: in seconds.

    Returns:
        For each candidate and round the seconds of its items.

    Raises:
        ValueError: for fewer than 5 rounds.
    """
    if rounds < MIN_ROUNDS:
        raise ValueError(f'rounds is {rounds}; expected at least {MIN_ROUNDS}')
    seconds: dict[str, list[list[float]]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, run in candidates.items():
            turn: list[float] = []
            while sum(turn) < turn_seconds:
                started = clock()
                run(len(turn))
                turn.append(clock() - started)
            seconds[name].append(turn)
    return seconds


def summary(seconds: Sequence[Sequence[float]]) -> dict[str, float]:
    """Return rate and latencies of one candidate's turns."""
    items = [value for turn in seconds for value in turn]
    p50, p95, p99 = (1000 * np.percentile(items, share) for share in (50, 95, 99))
    return {
        'items': len(items),
        'per_second': round(len(items) / sum(items), 3),
        'p50_ms': round(p50, 3),
        'p95_ms': round(p95, 3),
        'p99_ms': round(p99, 3),
    }


def speed_ratio(
    reference: Sequence[Sequence[float]], other: Sequence[Sequence[float]]
) -> dict[str, float]:
    """Return how many times faster ``other`` is: median of both, lowest and highest round."""
    ours = [statistics.median(turn) for turn in other]
    theirs = [statistics.median(turn) for turn in reference]
    rounds = [slow / fast for slow, fast in zip(theirs, ours, strict=True)]
    return {
        'median': round(statistics.median(theirs) / statistics.median(ours), 3),
        'lowest_round': round(min(rounds), 3),
        'highest_round': round(max(rounds), 3),
    }
