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

from matching.station_feed import MS, Header, at, drive
import pytest

from emiff_ros.matching.config import MatchingConfig
from emiff_ros.matching.matcher import Matcher
from emiff_ros.matching.policy import DatasetPairs
from emiff_ros.matching.results import Accepted, MatchState


def test_stations_are_matched_apart():
    matcher = Matcher()
    drive(matcher, range(3), station_id='north')
    drive(matcher, range(2), station_id='south', delay=60)
    matches = matcher.match(at(420), at(430))
    assert {name: match.state for name, match in matches.items()} == {
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


@pytest.mark.parametrize('period', [100, 33])
def test_a_vehicle_that_takes_seconds_for_an_image_fuses_what_fits_it(period):
    matcher = Matcher()
    for vehicle in (3000, 9000, 15_000):
        begun, ended = vehicle // period, (vehicle + 5500) // period
        drive(matcher, range(begun - 60 // period * 20, begun), period=period)
        matcher.expect(at(vehicle))
        drive(matcher, range(begun, ended), period=period)
        match = matcher.match(at(vehicle), at(vehicle + 5500))['north']
        assert match.state is MatchState.USED
        assert -50 <= match.age / MS <= period
        matcher.report_fused(match)
    assert matcher.counters()['north'].adds_up


def test_what_is_kept_for_images_in_hand_is_bounded():
    matcher = Matcher(MatchingConfig(capacity=3))
    for vehicle in (500, 900, 1300):
        matcher.expect(at(vehicle))
    drive(matcher, range(3000), period=1)
    assert matcher.counters()['north'].cached == 3 * 3
    for vehicle in (900, 1300):
        assert matcher.match(at(vehicle), at(3100))['north'].state is MatchState.USED
    drive(matcher, range(3000, 3010), period=1)
    assert matcher.counters()['north'].cached == 3
    assert matcher.counters()['north'].adds_up


def test_what_is_missed_while_nobody_listens_is_not_lost():
    matcher = Matcher()
    drive(matcher, [0, 2])
    matcher.listen_again()
    drive(matcher, range(1000, 1004))
    counters = matcher.counters()['north']
    assert (counters.received, counters.lost, counters.restarts) == (6, 1, 0)


def test_silent_stations_are_forgotten_without_an_image():
    matcher = Matcher()
    drive(matcher, range(3))
    matcher.forget_silent(at(59_000))
    assert set(matcher.counters()) == {'north'}
    matcher.forget_silent(at(61_000))
    assert matcher.counters() == {}


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
    matcher = Matcher()
    drive(matcher, [0])
    match = matcher.match(at(1000), at(1000))['north']
    with pytest.raises(ValueError, match='STALE'):
        matcher.report_fused(match)


def test_dataset_pairs_keep_older_features_for_later_pairs():
    matcher = Matcher(policy=DatasetPairs({at(210): at(200), at(220): at(100)}))
    drive(matcher, range(3))
    for vehicle, payload in ((210, 2), (220, 1)):
        match = matcher.match(at(vehicle), at(230))['north']
        assert match.feature.payload == payload
        matcher.report_fused(match)
    assert matcher.counters()['north'].fused == 2


def test_a_preview_names_what_a_match_would_choose_and_counts_nothing():
    matcher = Matcher()
    drive(matcher, [5], station_id='ahead')
    drive(matcher, range(3), station_id='north')
    drive(matcher, range(3), station_id='south')
    before = matcher.counters()
    preview = matcher.preview(at(210))
    assert matcher.counters() == before
    matches = matcher.match(at(210), at(210))
    assert matches['ahead'].state is MatchState.FUTURE
    assert preview == [matches['north'].feature, matches['south'].feature]
    assert matcher.preview(at(5000)) == []
    assert matcher.match(at(220), at(220))['north'].stamp == at(200)


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
    assert 'silent for 0.35 s' in results[2].reason
    assert list(matcher.counters()) == ['a', 'b']
    unknown = matcher.all_counters().unknown
    assert unknown.refused_by_cause == {'unknown_station': 1}
    assert unknown.adds_up


def test_refused_messages_make_no_station_known():
    matcher = Matcher()
    for number in range(40):
        header = Header(at(0), number, station_id=f'invented {number}')
        result = matcher.refuse(header.station_id, 'checksum', 'bit flipped', at(0), header)
        assert (result.cause, result.reason) == ('checksum', 'bit flipped')
    assert isinstance(matcher.add(Header(at(10)), None, at(20)), Accepted)
    assert list(matcher.counters()) == list(matcher.match(at(30), at(30))) == ['north']
    unknown = matcher.all_counters().unknown
    assert (unknown.received, unknown.refused_by_cause) == (40, {'checksum': 40})
    assert unknown.adds_up


def test_every_station_of_a_long_drive_is_fused():
    matcher = Matcher()
    for pole in range(40):
        begin = 1000 * pole
        matcher.add(Header(at(begin), 1, station_id=f'pole {pole}'), None, at(begin + 30))
        match = matcher.match(at(begin + 40), at(begin + 50))[f'pole {pole}']
        matcher.report_fused(match)
    everything = matcher.all_counters()
    assert list(everything.known) == [f'pole {pole}' for pole in range(24, 40)]
    assert (everything.forgotten.received, everything.forgotten.fused) == (24, 24)
    assert everything.forgotten.adds_up
    assert everything.unknown.received == 0


def test_the_idlest_station_makes_room_and_its_totals_stay():
    matcher = Matcher(MatchingConfig(max_stations=2))
    drive(matcher, [0, 2], station_id='a')
    drive(matcher, [0, 0, 3], station_id='b')
    matcher.refuse('a', 'checksum', 'bit flipped', at(600))
    assert isinstance(matcher.add(Header(at(600), station_id='c'), None, at(610)), Accepted)
    everything = matcher.all_counters()
    assert list(everything.known) == ['b', 'c']
    forgotten = everything.forgotten
    assert (forgotten.received, forgotten.expired, forgotten.lost) == (3, 2, 1)
    assert forgotten.refused_by_cause == {'checksum': 1}
    assert forgotten.adds_up
    assert (everything.known['b'].duplicates, forgotten.duplicates) == (1, 0)


def test_a_station_in_use_is_not_dropped():
    matcher = Matcher(MatchingConfig(max_stations=1))
    drive(matcher, [0])
    match = matcher.match(at(200), at(230))['north']
    other = Header(at(900), station_id='south')
    assert matcher.add(other, None, at(900)).cause == 'unknown_station'
    matcher.report_fused(match)
    assert matcher.counters()['north'].fused == 1
    assert matcher.match(at(800), at(900))['north'].state is MatchState.STALE
    assert isinstance(matcher.add(other, None, at(900)), Accepted)


def test_a_silent_station_is_forgotten_and_may_come_back():
    matcher = Matcher()
    drive(matcher, range(3))
    assert list(matcher.match(at(60_000), at(60_200))) == ['north']
    assert list(matcher.match(at(60_200), at(60_300))) == []
    assert matcher.all_counters().forgotten.received == 3
    drive(matcher, [610])
    assert matcher.match(at(61_050), at(61_060))['north'].state is MatchState.USED
    assert matcher.counters()['north'].received == 1


def test_what_keeps_arriving_damaged_is_not_silent():
    matcher = Matcher()
    drive(matcher, range(3))
    for second in range(1, 100):
        matcher.refuse('north', 'wrong_model', 'other weights', at(1000 * second))
        match = matcher.match(at(1000 * second), at(1000 * second))['north']
        assert (match.state, match.reason) == (MatchState.REFUSED, 'other weights')


def test_a_long_window_keeps_a_silent_station():
    matcher = Matcher(MatchingConfig(max_age=at(100_000) - at(0)))
    drive(matcher, range(3))
    assert matcher.match(at(90_000), at(90_000))['north'].state is MatchState.USED


def test_a_clock_that_jumps_back_begins_the_silence_anew():
    matcher = Matcher()
    drive(matcher, range(3))
    matcher.match(at(-90_000), at(-90_000))
    assert list(matcher.match(at(-40_000), at(-40_000))) == ['north']
    assert list(matcher.match(at(-29_000), at(-29_000))) == []


@pytest.mark.parametrize('comes_back', [False, True])
def test_a_report_on_a_forgotten_station_is_counted(comes_back):
    matcher = Matcher()
    drive(matcher, range(2))
    fused = matcher.match(at(110), at(130))['north']
    drive(matcher, [2, 3])
    refused = matcher.match(at(310), at(330))['north']
    matcher.match(at(90_000), at(90_000))
    if comes_back:
        drive(matcher, [900])
    matcher.report_fused(fused)
    matcher.report_refused(refused, 'corrupt_payload', 'broken')
    everything = matcher.all_counters()
    forgotten = everything.forgotten
    assert (forgotten.fused, forgotten.refused, forgotten.expired) == (1, 1, 2)
    assert forgotten.adds_up
    assert all(counters.adds_up for counters in everything.known.values())


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
