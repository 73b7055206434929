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

"""One station: its bounded cache of features, and counters that add up."""

from bisect import bisect_right
from dataclasses import dataclass, replace
import math
import threading
from typing import Any

from emiff_ros.matching.admission import Admission
from emiff_ros.matching.config import MatchingConfig
from emiff_ros.matching.counters import StationCounters
from emiff_ros.matching.ledger import Ledger
from emiff_ros.matching.policy import Choice, MatchingPolicy, NewestFitting
from emiff_ros.matching.results import (
    Accepted,
    CachedFeature,
    Match,
    MatchState,
    Refused,
    StampedHeader,
)
from emiff_ros.stamps import MILLISECOND


@dataclass(frozen=True)
class _Refusal:
    reason: str
    now: int


class Station:
    """Features of one station, ordered by stamp. Safe to use from several threads."""

    def __init__(self, station_id: str, config: MatchingConfig | None = None) -> None:
        """Start empty.

        Args:
            station_id: name of the station.
            config: windows and bounds.
        """
        self.station_id = station_id
        self._config = config or MatchingConfig()
        self._admission = Admission(station_id, self._config)
        self._lock = threading.RLock()
        self._cache: list[CachedFeature] = []
        self._expected: tuple[int, ...] = ()
        self._ledger = Ledger()
        self._refusal: _Refusal | None = None
        self._now = 0
        self._heard: int | None = None
        self._taken: int | None = None
        self._why_none = 'no feature of it was taken in yet'

    def configure(self, config: MatchingConfig) -> None:
        """Use other windows and bounds from now on; what is cached stays."""
        with self._lock:
            self._config = config
            self._admission.configure(config)

    def add(self, header: StampedHeader, payload: Any, now: int) -> Accepted | Refused:
        """Take in a received feature.

        Args:
            header: its identity, stamp and camera position.
            payload: whatever is to be handed out with it.
            now: the node's clock, nanoseconds.

        Returns:
            Accepted, or Refused with one of the causes ``duplicate``, ``zero_stamp``,
            ``stamp_ahead``, ``late``, ``old_session`` and ``pose_jump``.

        Raises:
            ValueError: if the header names another station.
        """
        if header.station_id != self.station_id:
            raise ValueError(
                f'feature of station {header.station_id!r} given to station {self.station_id!r}'
            )
        with self._lock:
            self._hear(now)
            verdict = self._admission.judge(header, now)
            if verdict.cause == 'duplicate':
                self._ledger.note_duplicate()
                return Refused(verdict.cause, verdict.reason)
            if verdict.cause is not None:
                return self._count_refusal(verdict.cause, verdict.reason, now)
            if verdict.begins_again:
                self._expire_all()
            self._ledger.take_in()
            self._refusal = None
            self._admission.note_accepted(header)
            self._taken = now
            self._insert(CachedFeature(header, payload, station=self))
            return Accepted()

    def refuse(
        self, cause: str, reason: str, now: int, header: StampedHeader | None = None
    ) -> Refused:
        """Count a message that the caller has refused.

        Args:
            cause: name under which it is counted.
            reason: one sentence for status and log.
            now: the node's clock, nanoseconds.
            header: if it could be read: its sequence number is then not counted as lost.
        """
        with self._lock:
            self._hear(now)
            if header is not None:
                self._admission.note_refused(header)
            return self._count_refusal(cause, reason, now)

    def expect(self, vehicle_stamps: tuple[int, ...]) -> None:
        """Keep what fits the images at these stamps (nanoseconds), however much follows.

        For each of them there is room for ``config.capacity`` features, beside that for the rest.
        """
        with self._lock:
            self._expected = vehicle_stamps

    def match(self, vehicle_stamp: int, policy: MatchingPolicy | None = None) -> Match:
        """Choose a feature for the vehicle image at ``vehicle_stamp`` (nanoseconds).

        Features older than the window leave the cache. The choice is not yet a use: say
        :meth:`report_fused` when it was fused.
        """
        policy = policy or NewestFitting()
        with self._lock:
            self._expire_before(vehicle_stamp - self._config.max_age)
            fitting, choice = self._choose(vehicle_stamp, policy)
            if choice.index is None:
                return self._without_feature(vehicle_stamp, bool(fitting), choice.reason)
            feature = fitting[choice.index]
            stamp = feature.header.stamp
            age = vehicle_stamp - stamp
            return Match(self.station_id, MatchState.USED, feature, stamp, age, '')

    def preview(self, vehicle_stamp: int, policy: MatchingPolicy) -> CachedFeature | None:
        """Return what :meth:`match` would choose now; nothing expires or is counted."""
        with self._lock:
            fitting, choice = self._choose(vehicle_stamp, policy)
            return None if choice.index is None else fitting[choice.index]

    def _choose(
        self, vehicle_stamp: int, policy: MatchingPolicy
    ) -> tuple[list[CachedFeature], Choice]:
        """Return the features inside the window, oldest first, and the choice among them."""
        fitting = [one for one in self._cache if self._fits(one, vehicle_stamp)]
        return fitting, policy.choose([one.header.stamp for one in fitting], vehicle_stamp)

    def report_fused(self, feature: CachedFeature, drops_older: bool = True) -> None:
        """Count a chosen feature as fused; with ``drops_older``, older ones leave the cache."""
        with self._lock:
            self._ledger.settle(feature, 'fused')
            if drops_older and any(cached is feature for cached in self._cache):
                while self._cache[0] is not feature:
                    self._ledger.settle(self._cache.pop(0), 'superseded')

    def report_refused(self, feature: CachedFeature, cause: str, reason: str) -> None:
        """Drop a chosen feature that turned out to be unusable, and count it as refused.

        A feature that was fused before keeps counting as fused.
        """
        with self._lock:
            self._cache = [cached for cached in self._cache if cached is not feature]
            self._refusal = _Refusal(reason, self._now)
            self._ledger.settle_refused(feature, cause)

    def follow_clock(self, now: int) -> None:
        """Note the node's clock; if it jumped back, forget what lies after it."""
        with self._lock:
            if now < self._now - self._config.clock_jump:
                self.forget_after(now)
            self._now = now
            self._heard = None if self._heard is None else min(self._heard, now)
            self._taken = None if self._taken is None else min(self._taken, now)

    def forget_after(self, stamp: int) -> None:
        """Drop what lies after ``stamp`` plus the future window: the timeline was begun anew."""
        limit = stamp + self._config.max_future
        with self._lock:
            newest = self._admission.newest
            if newest is None and self._cache:
                newest = self._cache[-1].header.stamp  # from before the node listened again
            if newest is not None and newest > limit:
                self._expire_all()
                self._admission.begin_again()
                self._why_none = (
                    'no feature of it was taken in since time went back; those from before were '
                    'dropped'
                )

    def listen_again(self) -> None:
        """Take it that nothing was listened to for a while: what was missed is not lost."""
        with self._lock:
            self._admission.begin_again()
            self._why_none = 'no feature of it was taken in since the node listens again'

    def silence(self, now: int) -> float:
        """Return for how long nothing has arrived of it, ns; infinite if nothing ever has."""
        with self._lock:
            return math.inf if self._heard is None else now - self._heard

    def idleness(self, now: int) -> float:
        """Return for how long no feature was taken in, ns; infinite if none ever was."""
        with self._lock:
            return math.inf if self._taken is None else now - self._taken

    def close(self) -> StationCounters:
        """Expire what is cached and return the final counters."""
        with self._lock:
            self._empty()
            return self.counters()

    def counters(self) -> StationCounters:
        """Return the counters of this moment."""
        with self._lock:
            return self._ledger.counters(
                cached=sum(feature.outcome is None for feature in self._cache),
                lost=self._admission.lost,
                restarts=self._admission.restarts,
            )

    def _hear(self, now: int) -> None:
        self.follow_clock(now)
        self._heard = now

    def _insert(self, feature: CachedFeature) -> None:
        stamps = [cached.header.stamp for cached in self._cache]
        self._cache.insert(bisect_right(stamps, feature.header.stamp), feature)
        self._make_room()

    def _make_room(self) -> None:
        """Keep the newest features that fit each expected image, and the newest of the rest."""
        if len(self._cache) <= self._config.capacity:
            return
        groups = [
            [feature for feature in self._cache if self._fits(feature, stamp)]
            for stamp in self._expected
        ]
        fitting = {id(feature) for group in groups for feature in group}
        groups.append([feature for feature in self._cache if id(feature) not in fitting])
        kept = {id(one) for group in groups for one in group[-self._config.capacity :]}
        for feature in self._cache:
            if id(feature) not in kept:
                self._ledger.settle(feature, 'superseded')
        self._cache = [feature for feature in self._cache if id(feature) in kept]

    def _fits(self, feature: CachedFeature, vehicle_stamp: int) -> bool:
        age = vehicle_stamp - feature.header.stamp
        return -self._config.max_future <= age <= self._config.max_age

    def _expire_before(self, stamp: int) -> None:
        while self._cache and self._cache[0].header.stamp < stamp:
            self._ledger.settle(self._cache.pop(0), 'expired')

    def _expire_all(self) -> None:
        self._ledger.note_jump()
        self._refusal = None
        self._empty()

    def _empty(self) -> None:
        while self._cache:
            self._ledger.settle(self._cache.pop(), 'expired')

    def _count_refusal(self, cause: str, reason: str, now: int) -> Refused:
        self._ledger.refuse(cause)
        self._refusal = _Refusal(reason, now)
        return Refused(cause, reason)

    def _without_feature(self, vehicle_stamp: int, some_fit: bool, reason: str) -> Match:
        stamp = self._admission.newest
        age = None if stamp is None else vehicle_stamp - stamp
        match = Match(self.station_id, MatchState.NONE, None, stamp, age, reason)
        if some_fit:
            return match
        if self._cache:
            ahead = (self._cache[0].header.stamp - vehicle_stamp) / MILLISECOND
            limit = self._config.max_future / MILLISECOND
            reason = f'its features lie {ahead:.0f} ms or more ahead; limit {limit:.0f} ms'
            return replace(match, state=MatchState.FUTURE, reason=reason)
        refusal = self._refusal
        if refusal is not None and self._now - refusal.now <= self._config.recent_refusal:
            return replace(match, state=MatchState.REFUSED, reason=refusal.reason)
        if age is None:
            return replace(match, reason=self._why_none)
        limit = self._config.max_age / MILLISECOND
        reason = f'its newest feature is {age / MILLISECOND:.0f} ms old; limit {limit:.0f} ms'
        return replace(match, state=MatchState.STALE, reason=reason)
