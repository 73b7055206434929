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

import pytest
from std_msgs.msg import Header

from emiff_msgs.msg import FusionStatus, StationStatus
from emiff_ros.matching.counters import StationCounters
from emiff_ros.matching.results import Match, MatchState
from emiff_ros.nodes.fusion_status import fusion_status_message
from emiff_ros.stamps import SECOND


def status(*matches, known=None):
    header = Header(frame_id='vehicle')
    header.stamp.sec = 100
    names = [match.station_id for match in matches] if known is None else known
    counters = dict.fromkeys(names, StationCounters(received=7, fused=5, lost=2))
    return fusion_status_message(
        header, {match.station_id: match for match in matches}, counters, 0.25
    )


def match(station_id, state, age=None, reason=''):
    stamp = None if age is None else 100 * SECOND - age
    return Match(station_id, state, None, stamp, age, reason)


def test_a_used_station_makes_the_result_fused():
    message = status(match('pole', MatchState.USED, SECOND // 4))
    assert message.mode == FusionStatus.FUSED
    assert message.processing_time == pytest.approx(0.25)
    (station,) = message.stations
    assert (station.station_id, station.state, station.reason) == ('pole', StationStatus.USED, '')
    assert (station.feature_stamp.sec, station.feature_stamp.nanosec) == (99, 750_000_000)
    assert (station.age.sec, station.age.nanosec) == (0, 250_000_000)
    assert (station.received, station.fused, station.lost) == (7, 5, 2)


def test_unused_stations_leave_it_vehicle_only_and_say_why():
    message = status(
        match('a', MatchState.STALE, 2 * SECOND, 'too old'),
        match('b', MatchState.NONE, None, 'nothing received'),
    )
    assert message.mode == FusionStatus.VEHICLE_ONLY
    assert [station.reason for station in message.stations] == ['too old', 'nothing received']
    assert message.stations[1].feature_stamp.sec == 0


def test_a_station_that_is_forgotten_by_then_is_left_out():
    message = status(
        match('a', MatchState.USED, SECOND // 4),
        match('b', MatchState.STALE, 90 * SECOND, 'too old'),
        known=['a'],
    )
    assert [station.station_id for station in message.stations] == ['a']


def test_without_stations_it_is_vehicle_only():
    assert status().mode == FusionStatus.VEHICLE_ONLY
