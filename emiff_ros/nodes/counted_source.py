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

"""Counts how often a source of poses answers and why it does not."""

from __future__ import annotations

from collections import Counter
from typing import Generic, TypeVar

from diagnostic_msgs.msg import DiagnosticStatus

from emiff_ros.nodes.counter_window import CounterWindow
from emiff_ros.nodes.diagnostics import ERROR, OK, WARN, status
from emiff_ros.nodes.pose_sources import Source
from emiff_ros.nodes.refusal import Refusal

Answer = TypeVar('Answer')


class CountedSource(Generic[Answer]):
    """Passes questions on to a source and remembers how they ended.

    Attributes:
        source: that answers; it may be replaced.
    """

    def __init__(self, source: Source[Answer]) -> None:
        """Start at zero."""
        self.source = source
        self._counts: Counter[str] = Counter(answered=0, failed=0)
        self._window = CounterWindow()
        self._failure = ''

    def at(self, stamp: int, timeout: float = 0.0) -> Answer:
        """Return the answer for ``stamp``.

        Args:
            stamp: nanoseconds.
            timeout: longest wait, seconds of the steady clock.

        Raises:
            Refusal: what the source raises; it is counted under its cause.
        """
        try:
            answer = self.source.at(stamp, timeout)
        except Refusal as refusal:
            self._counts['failed'] += 1
            self._counts[f'failed.{refusal.cause}'] += 1
            self._failure = str(refusal)
            raise
        self._counts['answered'] += 1
        return answer

    def status(self) -> DiagnosticStatus:
        """Say whether it answered lately."""
        counts = dict(self._counts)
        gain = self._window.update(counts)
        values = {'source': self.source.name, **counts}
        if gain['failed']:
            level = WARN if gain['answered'] else ERROR
            message = f'{gain["failed"]} failures lately: {self._failure}'
            return status(level, message, **values)
        return status(OK, f'{gain["answered"]} answers lately', **values)
