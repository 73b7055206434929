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

"""Counts what happened to every image, by name."""

from __future__ import annotations

from collections import Counter
import threading


class ImageCounters:
    """What became of the images: received = published + replaced + refused + in progress.

    Safe to use from several threads.
    """

    def __init__(self) -> None:
        """Start at zero."""
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()

    def count(self, outcome: str) -> None:
        """Count one ``received``, ``published`` or ``replaced`` image."""
        with self._lock:
            self._counts[outcome] += 1

    def refuse(self, cause: str) -> None:
        """Count one refused image under its cause."""
        with self._lock:
            self._refused[cause] += 1

    def snapshot(self) -> dict[str, int]:
        """Return all counters; refused ones also by cause as ``refused.CAUSE``."""
        with self._lock:
            counts = {name: self._counts[name] for name in ('received', 'published', 'replaced')}
            counts['refused'] = sum(self._refused.values())
            counts.update({f'refused.{cause}': n for cause, n in sorted(self._refused.items())})
            return counts
