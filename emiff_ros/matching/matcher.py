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

from collections.abc import Iterable
import threading
from typing import Any

from emiff_ros.matching.config import MatchingConfig
from emiff_ros.matching.counters import StationCounters
from emiff_ros.matching.policy import MatchingPolicy, NewestFitting
from emiff_ros.matching.results import Accepted, Match, Refused, StampedHeader
from emiff_ros.matching.station_cache import Station


class Matcher:
    """The stations' caches behind one policy. Safe to use from several threads.

    Subscription callbacks call :meth:`add` and :meth:`refuse`; the worker calls :meth:`match`, and
    :meth:`report_fused` or :meth:`report_refused` for what became of each chosen feature.
    """

    def __init__(
        self,
        config: MatchingConfig | None = None,
        policy: MatchingPolicy | None = None,
        stations: Iterable[str] = (),
        learn_stations: bool = True,
    ) -> None:
        """Start with empty caches.

        Args:
            config: windows and bounds.
            policy: which of the fitting features is chosen; the newest by default.
            stations: names that are reported from the start.
            learn_stations: take in stations not named, up to ``config.max_stations`` in all.

        Raises:
            ValueError: if more stations are named than the bound allows.
        """
        self._config = config or MatchingConfig()
        self._policy = policy or NewestFitting()
        self._stations = {name: Station(name, self._config) for name in stations}
        if len(self._stations) > self._config.max_stations:
            raise ValueError(
                f'{len(self._stations)} stations named; expected at most '
                f'{self._config.max_stations}: raise max_stations'
            )
        self._learn_stations = learn_stations
        self._unassigned = Station('', self._config)
        self._vehicle_stamp: int | None = None
        self._lock = threading.Lock()

    def configure(self, config: MatchingConfig) -> None:
        """Use other windows and bounds from now on; what is cached stays."""
        with self._lock:
            if config == self._config:
                return
            self._config = config
            for station in (*self._stations.values(), self._unassigned):
                station.configure(config)

    def choose_by(self, policy: MatchingPolicy) -> None:
        """Choose by another policy from now on."""
        self._policy = policy

    def add(self, header: StampedHeader, payload: Any, now: int) -> Accepted | Refused:
        """Take in a received feature; ``payload`` is handed out with it, ``now`` in nanoseconds.

        Returns:
            What :meth:`Station.add` returns, or Refused with the cause ``unknown_station``.
        """
        station = self._station(header.station_id)
        if station is None:
            return self._refuse_unknown(header.station_id, now)
        return station.add(header, payload, now)

    def refuse(
        self,
        station_id: str,
        cause: str,
        reason: str,
        now: int,
        header: StampedHeader | None = None,
    ) -> Refused:
        """Count a message that the caller has refused; see :meth:`Station.refuse`."""
        station = self._station(station_id)
        if station is None:
            return self._refuse_unknown(station_id, now)
        return station.refuse(cause, reason, now, header)

    def match(self, vehicle_stamp: int, now: int) -> dict[str, Match]:
        """Choose a feature of each station for the vehicle image at ``vehicle_stamp``.

        Args:
            vehicle_stamp: capture time of the vehicle's image, nanoseconds.
            now: the node's clock, nanoseconds.

        Returns:
            One match per station, in the order in which the stations were first seen.

        Raises:
            ValueError: for a stamp of zero or below.
        """
        if vehicle_stamp <= 0:
            raise ValueError(
                f'vehicle stamp {vehicle_stamp}; expected the image capture time in ns'
            )
        with self._lock:
            stations = list(self._stations.values())
            previous, self._vehicle_stamp = self._vehicle_stamp, vehicle_stamp
        jumped = previous is not None and vehicle_stamp < previous - self._config.clock_jump
        for station in stations:
            station.follow_clock(now)
            if jumped:
                station.forget_after(vehicle_stamp)
        return {
            station.station_id: station.match(vehicle_stamp, self._policy) for station in stations
        }

    def report_fused(self, match: Match) -> None:
        """Count the feature of ``match`` as fused.

        Raises:
            ValueError: if the match has no feature.
        """
        feature, station = self._chosen(match)
        station.report_fused(feature, self._policy.drops_older)

    def report_refused(self, match: Match, cause: str, reason: str) -> None:
        """Count the feature of ``match`` as refused and never choose it again.

        Raises:
            ValueError: if the match has no feature.
        """
        feature, station = self._chosen(match)
        station.report_refused(feature, cause, reason)

    def counters(self) -> dict[str, StationCounters]:
        """Return the counters of each station."""
        with self._lock:
            stations = list(self._stations.values())
        return {station.station_id: station.counters() for station in stations}

    def unassigned_counters(self) -> StationCounters:
        """Return the counters of messages from stations that are not taken in."""
        return self._unassigned.counters()

    def _station(self, station_id: str) -> Station | None:
        with self._lock:
            station = self._stations.get(station_id)
            room = len(self._stations) < self._config.max_stations
            if station is None and self._learn_stations and room:
                station = self._stations[station_id] = Station(station_id, self._config)
            return station

    def _refuse_unknown(self, station_id: str, now: int) -> Refused:
        reason = (
            f'station {station_id[:64]!r} is not taken in; name it in the parameters or raise '
            f'max_stations (now {self._config.max_stations})'
        )
        return self._unassigned.refuse('unknown_station', reason, now)

    def _chosen(self, match: Match) -> tuple:
        if match.feature is None:
            raise ValueError(f'station {match.station_id!r} has no feature: {match.state.name}')
        return match.feature, self._stations[match.station_id]
