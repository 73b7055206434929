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

"""Several stations behind one policy."""

from concurrent.futures import ThreadPoolExecutor
import subprocess
import sys

from matching.station_feed import Header, at, drive
import pytest

from emiff_ros.matching.config import MatchingConfig
from emiff_ros.matching.matcher import Matcher
from emiff_ros.matching.policy import DatasetPairs
from emiff_ros.matching.results import Accepted, MatchState


def test_stations_are_matched_apart():
    matcher = Matcher(stations=['silent'])
    drive(matcher, range(3), station_id='north')
    drive(matcher, range(2), station_id='south', delay=60)
    matches = matcher.match(at(420), at(430))
    assert {name: match.state for name, match in matches.items()} == {
        'silent': MatchState.NONE,
        'north': MatchState.USED,
        'south': MatchState.STALE,
    }


def test_windows_change_for_what_is_cached_and_what_arrives():
    matcher = Matcher(MatchingConfig(max_age=at(1000) - at(0)))
    drive(matcher, range(3))
    assert matcher.match(at(700), at(710))['north'].state is MatchState.USED
    matcher.configure(MatchingConfig(max_age=at(100) - at(0), max_pose_jump=0.5))
    assert matcher.match(at(700), at(710))['north'].state is MatchState.STALE
    assert matcher.counters()['north'].adds_up


def test_reports_reach_the_station():
    matcher = Matcher()
    drive(matcher, range(3))
    match = matcher.match(at(210), at(220))['north']
    matcher.report_fused(match)
    other = matcher.match(at(210), at(220))['north']
    matcher.report_refused(other, 'corrupt_payload', 'broken')
    counters = matcher.counters()['north']
    assert (counters.fused, counters.superseded, counters.refused) == (1, 2, 0)
    assert counters.adds_up


def test_reporting_a_match_without_feature_is_a_programming_error():
    matcher = Matcher(stations=['north'])
    match = matcher.match(at(0), at(0))['north']
    with pytest.raises(ValueError, match='NONE'):
        matcher.report_fused(match)


def test_dataset_pairs_keep_older_features_for_later_pairs():
    matcher = Matcher(policy=DatasetPairs({at(210): at(200), at(220): at(100)}))
    drive(matcher, range(3))
    for vehicle, payload in ((210, 2), (220, 1)):
        match = matcher.match(at(vehicle), at(230))['north']
        assert match.feature.payload == payload
        matcher.report_fused(match)
    assert matcher.counters()['north'].fused == 2


def test_another_policy_chooses_from_then_on():
    matcher = Matcher()
    drive(matcher, range(3))
    assert matcher.match(at(210), at(210))['north'].stamp == at(200)
    matcher.choose_by(DatasetPairs({at(210): at(100)}))
    assert matcher.match(at(210), at(210))['north'].stamp == at(100)


def test_number_of_stations_is_bounded():
    matcher = Matcher(MatchingConfig(max_stations=2))
    results = [matcher.add(Header(at(0), station_id=name), None, at(10)) for name in 'abca']
    assert [type(result) for result in results[:2]] == [Accepted, Accepted]
    assert results[2].cause == 'unknown_station'
    assert list(matcher.counters()) == ['a', 'b']
    assert matcher.refuse('d', 'checksum', 'bit flipped', at(20)).cause == 'unknown_station'
    unassigned = matcher.unassigned_counters()
    assert unassigned.refused_by_cause == {'unknown_station': 2}
    assert unassigned.adds_up


def test_only_named_stations():
    matcher = Matcher(stations=['north'], learn_stations=False)
    assert isinstance(matcher.add(Header(at(0)), None, at(0)), Accepted)
    result = matcher.add(Header(at(0), station_id='south'), None, at(0))
    assert (result.cause, "'south'" in result.reason) == ('unknown_station', True)


def test_more_named_stations_than_allowed():
    with pytest.raises(ValueError, match='max_stations'):
        Matcher(MatchingConfig(max_stations=1), stations=['a', 'b'])


def test_refused_messages_show_in_the_match():
    matcher = Matcher()
    matcher.refuse('north', 'wrong_model', 'other weights', at(0))
    match = matcher.match(at(10), at(20))['north']
    assert (match.state, match.reason) == (MatchState.REFUSED, 'other weights')


def test_zero_vehicle_stamp_is_refused():
    with pytest.raises(ValueError, match='vehicle stamp 0'):
        Matcher().match(0, at(0))


def test_vehicle_stamps_of_a_looped_bag_under_a_running_clock():
    matcher = Matcher()
    drive(matcher, range(100))
    now = at(20_000)
    assert matcher.match(at(9950), now)['north'].state is MatchState.USED
    assert matcher.match(at(0), now)['north'].state is MatchState.NONE
    assert isinstance(matcher.add(Header(at(0), 0), 'again', now), Accepted)
    assert matcher.match(at(50), now)['north'].feature.payload == 'again'


def test_sim_clock_jump_reaches_silent_stations():
    matcher = Matcher()
    drive(matcher, range(10))
    assert matcher.match(at(-60_000), at(-60_000))['north'].state is MatchState.NONE
    assert matcher.counters()['north'].jumps == 1


def test_threads():
    matcher = Matcher()

    def feed(name):
        return sum(isinstance(r, Accepted) for r in drive(matcher, range(400), station_id=name))

    def use():
        for vehicle in range(0, 40_000, 20):
            for match in matcher.match(at(vehicle), at(40_000)).values():
                if match.feature is not None:
                    matcher.report_fused(match)

    with ThreadPoolExecutor(4) as pool:
        feeds = [pool.submit(feed, name) for name in ('a', 'b')]
        uses = [pool.submit(use) for _ in range(2)]
        for job in uses:
            job.result()
        accepted = [job.result() for job in feeds]
    counters = matcher.counters()
    for name, count in zip('ab', accepted, strict=True):
        assert counters[name].adds_up
        assert counters[name].received == counters[name].refused + count


def test_policy_needs_no_ros():
    script = 'import sys, emiff_ros.matching.matcher; print("rclpy" in sys.modules)'
    result = subprocess.run(
        [sys.executable, '-c', script], capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout.strip() == 'False'
