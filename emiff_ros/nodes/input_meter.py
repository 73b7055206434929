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

"""Watches the arrivals on one input topic: rate, age, and whether it has died."""

from __future__ import annotations

from collections.abc import Callable
import time

from diagnostic_msgs.msg import DiagnosticStatus

from emiff_ros.nodes.counter_window import CounterWindow
from emiff_ros.nodes.diagnostics import ERROR, OK, WARN, status

DEAD = 5.0
"""An input is in error when it has been silent this many times as long as a warning takes."""

IMPLAUSIBLE_DELAY = 3600.0
"""Seconds between the stamp of an input and the node's clock that no link explains."""


class InputMeter:
    """Counts what arrives on a topic and says when it is late.

    Args:
        topic: resolved name.
        repeats: whether messages keep coming; of one that does not, only the first is awaited.
        needed: whether the node needs it; asked anew each time.
        clock: steady clock, seconds.
    """

    def __init__(
        self,
        topic: str,
        repeats: bool = True,
        needed: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin to wait for the first message."""
        self.topic = topic
        self._repeats = repeats
        self._needed = needed
        self._clock = clock
        self._begin = clock()
        self._window = CounterWindow(clock=clock)
        self._received = 0
        self._newest = self._begin
        self._delay: float | None = None

    def tick(self, delay: float | None = None) -> None:
        """Note an arrival; ``delay`` is the node's clock minus the stamp, seconds."""
        self._received += 1
        self._newest = self._clock()
        self._delay = delay

    def status(self, timeout: float) -> DiagnosticStatus:
        """Judge the input.

        Args:
            timeout: silence at which to warn, seconds.
        """
        silence = self._clock() - self._newest
        rate = self._window.update({'received': self._received}).rate('received')
        values = {'topic': self.topic, 'received': self._received, 'rate_hz': f'{rate:.2f}'}
        if self._received:
            values['age_s'] = f'{silence:.3f}'
        if self._delay is not None:
            values['delay_s'] = f'{self._delay:.3f}'
        return status(*self._verdict(silence, timeout), **values)

    def _verdict(self, silence: float, timeout: float) -> tuple[bytes, str]:
        awaited = self._repeats or not self._received
        if awaited and not self._needed():
            return OK, f'{self.topic} is not needed'
        if awaited and silence > timeout:
            level = ERROR if silence > DEAD * timeout else WARN
            if self._received:
                return level, f'nothing on {self.topic} for {silence:.1f} s'
            return level, f'nothing has arrived on {self.topic} yet'
        if self._delay is not None and abs(self._delay) > IMPLAUSIBLE_DELAY:
            return WARN, (
                f'stamps on {self.topic} are {self._delay:.0f} s off the clock of this node: is a '
                'bag played without --clock, or without use_sim_time?'
            )
        return OK, 'arrives' if self._received else 'awaited'
