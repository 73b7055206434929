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

"""What counters gained lately, for rates and for diagnostics that come back to OK."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
import time

WINDOW = 3.0
"""Seconds over which diagnostics judge."""


@dataclass(frozen=True)
class Gain:
    """What counters gained in a span of time.

    Attributes:
        seconds: length of the span.
        counts: gain by name of the counter.
    """

    seconds: float
    counts: Mapping[str, int] = field(default_factory=dict)

    def __getitem__(self, name: str) -> int:
        """Return the gain of one counter; 0 for one that does not exist."""
        return self.counts.get(name, 0)

    def rate(self, name: str) -> float:
        """Return the gain of one counter per second."""
        return self[name] / self.seconds if self.seconds > 0 else 0.0

    def causes(self, prefix: str = 'refused.') -> str:
        """Return the counters below ``prefix`` that gained, as ``name (gain), ...``."""
        return ', '.join(
            f'{name.removeprefix(prefix)} ({gain})'
            for name, gain in sorted(self.counts.items())
            if name.startswith(prefix) and gain > 0
        )


class CounterWindow:
    """Remembers a set of counters for a while.

    Args:
        seconds: length of the window.
        clock: steady clock, seconds.
    """

    def __init__(
        self, seconds: float = WINDOW, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin with all counters at zero."""
        self._seconds = seconds
        self._clock = clock
        self._history: deque[tuple[float, dict[str, int]]] = deque([(clock(), {})])

    def update(self, counters: Mapping[str, int]) -> Gain:
        """Take in the counters of this moment; return what they gained within the window."""
        now = self._clock()
        self._history.append((now, dict(counters)))
        while len(self._history) > 2 and self._history[1][0] <= now - self._seconds:
            self._history.popleft()
        began, first = self._history[0]
        return Gain(
            now - began, {name: count - first.get(name, 0) for name, count in counters.items()}
        )
