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

"""Counts what became of messages, so that the counters add up at every moment."""

from collections import Counter

from emiff_ros.matching.counters import StationCounters
from emiff_ros.matching.results import CachedFeature

_FINAL = ('fused', 'refused')
"""What a feature counts as for good; it may have left its cache before."""


class Ledger:
    """Counters of one station, or of all that are counted together.

    Not safe to use from several threads: its owner locks.
    """

    def __init__(self) -> None:
        """Start at zero."""
        self._counts: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()

    def take_in(self) -> None:
        """Count a received message that goes into the cache."""
        self._counts['received'] += 1

    def refuse(self, cause: str) -> None:
        """Count a received message that was refused at once."""
        self._counts['received'] += 1
        self._refused[cause] += 1

    def note_duplicate(self) -> None:
        """Count a message that arrived again."""
        self._counts['duplicates'] += 1

    def note_jump(self) -> None:
        """Count that the timeline was begun anew."""
        self._counts['jumps'] += 1

    def settle(self, feature: CachedFeature, outcome: str) -> None:
        """Count a feature as ``fused``, ``superseded`` or ``expired``.

        Its use overrides that it had left the cache before.
        """
        if self._opened(feature, outcome):
            self._counts[outcome] += 1

    def settle_refused(self, feature: CachedFeature, cause: str) -> None:
        """Count a feature that was taken in as refused, unless it was fused before."""
        if self._opened(feature, 'refused'):
            self._refused[cause] += 1

    def absorb(self, counters: StationCounters) -> None:
        """Add the final counters of a station."""
        self._refused.update(counters.refused_by_cause)
        self._counts.update(
            received=counters.received,
            fused=counters.fused,
            superseded=counters.superseded,
            expired=counters.expired,
            lost=counters.lost,
            duplicates=counters.duplicates,
            restarts=counters.restarts,
            jumps=counters.jumps,
        )

    def counters(self, cached: int = 0, lost: int = 0, restarts: int = 0) -> StationCounters:
        """Return the counters of this moment.

        Args:
            cached: features that wait in the cache.
            lost: open gaps, beside those that were absorbed.
            restarts: of the sender, beside those that were absorbed.
        """
        return StationCounters(
            received=self._counts['received'],
            fused=self._counts['fused'],
            superseded=self._counts['superseded'],
            expired=self._counts['expired'],
            refused_by_cause=dict(self._refused),
            cached=cached,
            lost=self._counts['lost'] + lost,
            duplicates=self._counts['duplicates'],
            restarts=self._counts['restarts'] + restarts,
            jumps=self._counts['jumps'],
        )

    def _opened(self, feature: CachedFeature, outcome: str) -> bool:
        """Note the outcome of a feature in place of another that is not final; tell if it may."""
        if feature.outcome is not None:
            if feature.outcome in _FINAL or outcome not in _FINAL:
                return False
            self._counts[feature.outcome] -= 1
        feature.outcome = outcome
        return True
