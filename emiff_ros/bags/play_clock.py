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

"""The time of a replay: bag time as a function of a steady clock, with rate and pause."""

import math

from emiff_ros.stamps import SECOND


class PlayClock:
    """Maps a steady clock to bag time without drift: both are read from one fixed start point.

    All times are integer nanoseconds; the steady clock's time is passed in.
    """

    def __init__(self, start: int, rate: float, now: int) -> None:
        """Start running.

        Args:
            start: bag time at ``now``.
            rate: bag seconds for each second of the steady clock.
            now: steady time.

        Raises:
            ValueError: if the rate is not a positive, finite number.
        """
        if not (math.isfinite(rate) and rate > 0):
            raise ValueError(f'rate is {rate}; expected a positive number')
        self._bag_origin = start
        self._steady_origin = now
        self._rate = rate
        self._paused_at: int | None = None

    @property
    def paused(self) -> bool:
        """Whether bag time stands still."""
        return self._paused_at is not None

    def position(self, now: int) -> int:
        """Return the bag time at steady time ``now``."""
        reached = now if self._paused_at is None else self._paused_at
        return self._bag_origin + round((reached - self._steady_origin) * self._rate)

    def due_in(self, stamp: int, now: int) -> float:
        """Return the seconds of the steady clock until a bag time; infinite while paused."""
        if self.paused:
            return math.inf
        due = self._steady_origin + (stamp - self._bag_origin) / self._rate
        return (due - now) / SECOND

    def skip(self, duration: int) -> None:
        """Let bag time jump forward."""
        if duration < 0:
            raise ValueError(f'duration is {duration} ns; bag time cannot jump back')
        self._bag_origin += duration

    def pause(self, now: int) -> None:
        """Stop bag time; has no effect while it stands still."""
        if self._paused_at is None:
            self._paused_at = now

    def resume(self, now: int) -> None:
        """Let bag time go on from where it stopped."""
        if self._paused_at is not None:
            self._steady_origin += now - self._paused_at
            self._paused_at = None
