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

"""All stations of a vehicle: takes features in, answers which ones belong to an image."""

import threading
from typing import Any

from emiff_ros.matching.config import MatchingConfig
from emiff_ros.matching.counters import AllCounters, StationCounters
from emiff_ros.matching.ledger import Ledger
from emiff_ros.matching.policy import MatchingPolicy, NewestFitting
from emiff_ros.matching.results import Accepted, CachedFeature, Match, Refused, StampedHeader
from emiff_ros.matching.station_cache import Station
from emiff_ros.stamps import SECOND

IMAGES_IN_HAND = 2
"""Images that are expected at most: one is encoded while the one before is fused."""


class Matcher:
    """The stations' caches behind one policy. Safe to use from several threads.

    Subscription callbacks call :meth:`add` and :meth:`refuse`; the worker calls :meth:`expect`
    when it takes an image, :meth:`match` when it is to be fused, and :meth:`report_fused` or
    :meth:`report_refused` for what became of each chosen feature.

    A station is known from its first readable feature on. It is forgotten after
    ``config.max_silence``, or to make room for another one once it has been of no use for longer
    than the window; its counters then go to those of the forgotten ones.
    """

    def __init__(
        self, config: MatchingConfig | None = None, policy: MatchingPolicy | None = None
    ) -> None:
        """Start with empty caches.

        Args:
            config: windows and bounds.
            policy: which of the fitting features is chosen; the newest by default.
        """
        self._config = config or MatchingConfig()
        self._policy = policy or NewestFitting()
        self._stations: dict[str, Station] = {}
        self._unknown, self._forgotten = Ledger(), Ledger()
        self._in_hand: frozenset[str] = frozenset()
        self._expected: tuple[int, ...] = ()
        self._vehicle_stamp: int | None = None
        self._lock = threading.Lock()

    def configure(self, config: MatchingConfig) -> None:
        """Use other windows and bounds from now on; what is cached stays."""
        with self._lock:
            if config == self._config:
                return
            self._config = config
            for station in self._stations.values():
                station.configure(config)

    def choose_by(self, policy: MatchingPolicy) -> None:
        """Choose by another policy from now on."""
        self._policy = policy

    def add(self, header: StampedHeader, payload: Any, now: int) -> Accepted | Refused:
        """Take in a received feature; ``payload`` is handed out with it, ``now`` in nanoseconds.

        Returns:
            What :meth:`Station.add` returns, or Refused with the cause ``unknown_station``.
        """
        with self._lock:
            name = header.station_id
            station = self._stations.get(name) or self._learned(name, now)
            if station is None:
                return self._refuse_unknown('unknown_station', self._unknown_reason(name))
            return station.add(header, payload, now)

    def refuse(
        self,
        station_id: str,
        cause: str,
        reason: str,
        now: int,
        header: StampedHeader | None = None,
    ) -> Refused:
        """Count a message that the caller has refused; see :meth:`Station.refuse`.

        It makes no station known: under another name it counts among the unknown ones.
        """
        with self._lock:
            station = self._stations.get(station_id)
            if station is None:
                return self._refuse_unknown(cause, reason)
            return station.refuse(cause, reason, now, header)

    def expect(self, vehicle_stamp: int) -> None:
        """Keep what fits the image at ``vehicle_stamp`` (nanoseconds) until it is matched.

        A vehicle that takes seconds for an image would otherwise find only what came since.
        """
        with self._lock:
            self._set_expected((*self._expected, vehicle_stamp)[-IMAGES_IN_HAND:])

    def match(self, vehicle_stamp: int, now: int) -> dict[str, Match]:
        """Choose a feature of each station for the vehicle image at ``vehicle_stamp``.

        Args:
            vehicle_stamp: capture time of the vehicle's image, nanoseconds.
            now: the node's clock, nanoseconds.

        Returns:
            One match per station, in the order in which the stations were first seen. Those with
            a feature stay known until the next call.

        Raises:
            ValueError: for a stamp of zero or below.
        """
        if vehicle_stamp <= 0:
            raise ValueError(
                f'vehicle stamp {vehicle_stamp}; expected the image capture time in ns'
            )
        with self._lock:
            previous, self._vehicle_stamp = self._vehicle_stamp, vehicle_stamp
            jumped = previous is not None and vehicle_stamp < previous - self._config.clock_jump
            later = [stamp for stamp in self._expected if stamp > vehicle_stamp and not jumped]
            self._set_expected(tuple(later))
            for station in self._stations.values():
                station.follow_clock(now)
                if jumped:
                    station.forget_after(vehicle_stamp)
            self._forget_silent(now)
            matches = {
                name: station.match(vehicle_stamp, self._policy)
                for name, station in self._stations.items()
            }
            self._in_hand = frozenset(name for name, one in matches.items() if one.feature)
            return matches

    def preview(self, vehicle_stamp: int) -> list[CachedFeature]:
        """Return the features that :meth:`match` would choose now; nothing is counted.

        More may arrive before the image is matched, so that others are chosen then.
        """
        with self._lock:
            chosen = [
                station.preview(vehicle_stamp, self._policy) for station in self._stations.values()
            ]
            return [feature for feature in chosen if feature is not None]

    def report_fused(self, match: Match) -> None:
        """Count the feature of ``match`` as fused.

        Raises:
            ValueError: if the match has no feature.
        """
        with self._lock:
            feature = _feature_of(match)
            if self._is_known(feature):
                feature.station.report_fused(feature, self._policy.drops_older)
            else:
                self._forgotten.settle(feature, 'fused')

    def report_refused(self, match: Match, cause: str, reason: str) -> None:
        """Count the feature of ``match`` as refused and never choose it again.

        Raises:
            ValueError: if the match has no feature.
        """
        with self._lock:
            feature = _feature_of(match)
            if self._is_known(feature):
                feature.station.report_refused(feature, cause, reason)
            else:
                self._forgotten.settle_refused(feature, cause)

    def listen_again(self) -> None:
        """Take it that nothing was listened to for a while: what was missed is not lost."""
        with self._lock:
            for station in self._stations.values():
                station.listen_again()

    def forget_silent(self, now: int) -> None:
        """Forget the stations that have been silent for too long at ``now`` (nanoseconds)."""
        with self._lock:
            self._forget_silent(now)

    def counters(self) -> dict[str, StationCounters]:
        """Return the counters of each known station."""
        return self.all_counters().known

    def all_counters(self) -> AllCounters:
        """Return the counters of everything that arrived, at one moment."""
        with self._lock:
            known = {name: station.counters() for name, station in self._stations.items()}
            return AllCounters(known, self._unknown.counters(), self._forgotten.counters())

    def _learned(self, station_id: str, now: int) -> Station | None:
        if not self._has_room(now):
            return None
        station = self._stations[station_id] = Station(station_id, self._config)
        station.expect(self._expected)
        return station

    def _set_expected(self, stamps: tuple[int, ...]) -> None:
        self._expected = stamps
        for station in self._stations.values():
            station.expect(stamps)

    def _has_room(self, now: int) -> bool:
        """Tell whether there is room for a station, if need be after dropping the idlest one."""
        if len(self._stations) < self._config.max_stations:
            return True
        idle = {
            name: station.idleness(now)
            for name, station in self._stations.items()
            if name not in self._in_hand
        }
        idlest = max(idle, key=idle.get, default=None)
        if idlest is None or idle[idlest] <= self._config.window:
            return False
        self._forget(idlest)
        return len(self._stations) < self._config.max_stations

    def _forget_silent(self, now: int) -> None:
        limit = max(self._config.max_silence, self._config.window)
        for name in [
            name for name, station in self._stations.items() if station.silence(now) > limit
        ]:
            self._forget(name)

    def _forget(self, station_id: str) -> None:
        self._forgotten.absorb(self._stations.pop(station_id).close())

    def _unknown_reason(self, station_id: str) -> str:
        return (
            f'station {station_id[:64]!r} is not taken in beside the {len(self._stations)} in '
            f'use, of at most {self._config.max_stations}; it will be once one of them has been '
            f'silent for {self._config.window / SECOND:.2f} s'
        )

    def _refuse_unknown(self, cause: str, reason: str) -> Refused:
        self._unknown.refuse(cause)
        return Refused(cause, reason)

    def _is_known(self, feature: CachedFeature) -> bool:
        """Tell whether the station that a feature came from was not forgotten since."""
        return self._stations.get(feature.station.station_id) is feature.station


def _feature_of(match: Match) -> CachedFeature:
    if match.feature is None:
        raise ValueError(f'station {match.station_id!r} has no feature: {match.state.name}')
    return match.feature
