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

"""How long results take: laps for the debug topics, and a budget for the diagnostics."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
import time

from diagnostic_msgs.msg import DiagnosticStatus
import numpy as np

from emiff_ros.nodes.counter_window import WINDOW
from emiff_ros.nodes.diagnostics import ERROR, OK, WARN, status

KEPT = 200
"""Results that the statistics are made of at most."""


class Stopwatch:
    """Measures the steps of one result on the steady clock.

    Attributes:
        laps: milliseconds by name of the step.
    """

    def __init__(self) -> None:
        """Start."""
        self.laps: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        """End a step and begin the next one."""
        now = time.monotonic()
        self.laps[name] = 1e3 * (now - self._last)
        self._last = now


class ProcessingBudget:
    """Compares the time from each input's arrival to its result with a budget.

    Args:
        clock: steady clock, seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start without results."""
        self._clock = clock
        self._results: deque[tuple[float, float]] = deque(maxlen=KEPT)
        self._over_since: float | None = None

    def record(self, seconds: float, budget: float) -> None:
        """Note how long one result took."""
        now = self._clock()
        paused = not self._results or now - self._results[-1][0] > WINDOW
        self._results.append((now, seconds))
        if seconds <= budget:
            self._over_since = None
        elif paused or self._over_since is None:
            self._over_since = now

    def status(self, budget: float, persistence: float) -> DiagnosticStatus:
        """Judge the newest results.

        Args:
            budget: allowed time, seconds.
            persistence: how long every result may exceed it before that is an error, seconds.
        """
        now = self._clock()
        recent = [taken for moment, taken in list(self._results) if moment > now - WINDOW]
        values = {'budget_ms': f'{1e3 * budget:.1f}', 'results': len(recent)}
        if not recent:
            return status(OK, f'no result in the last {WINDOW:.0f} s', **values)
        milliseconds = 1e3 * np.array(recent)
        values |= {
            'newest_ms': f'{milliseconds[-1]:.1f}',
            'mean_ms': f'{milliseconds.mean():.1f}',
            'p95_ms': f'{np.percentile(milliseconds, 95):.1f}',
            'max_ms': f'{milliseconds.max():.1f}',
            'over_budget': sum(taken > budget for taken in recent),
        }
        since = self._over_since
        if recent[-1] <= budget or since is None:
            return status(OK, 'within the budget', **values)
        lasting = self._results[-1][0] - since
        if lasting > persistence:
            return status(ERROR, f'every result over the budget for {lasting:.1f} s', **values)
        return status(WARN, 'the newest result is over the budget', **values)
