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

"""One station: window, restarts, clock jumps, pose jumps and counters."""

from matching.station_feed import MS, SECOND, START, Header, at, drive
import pytest

from emiff_ros.matching.config import MatchingConfig
from emiff_ros.matching.policy import DatasetPairs
from emiff_ros.matching.results import Accepted, MatchState, Refused
from emiff_ros.matching.station_cache import Station


@pytest.fixture
def station():
    made = Station('north', MatchingConfig())
    yield made
    assert made.counters().adds_up, made.counters()


def cause_of(result):
    assert isinstance(result, Refused)
    assert result.reason
    return result.cause


def test_newest_inside_the_window_is_chosen(station):
    drive(station, range(4))
    match = station.match(at(310))
    assert (match.state, match.feature.payload) == (MatchState.USED, 3)
    assert (match.stamp, match.age, match.reason) == (at(300), 10 * MS, '')


@pytest.mark.parametrize(
    ('vehicle', 'state'),
    [
        (at(-50), MatchState.USED),
        (at(-50) - 1, MatchState.FUTURE),
        (at(300), MatchState.USED),
        (at(300) + 1, MatchState.STALE),
    ],
)
def test_edges_of_the_window(station, vehicle, state):
    station.add(Header(at(0)), None, at(0))
    match = station.match(vehicle)
    assert match.state is state
    assert (match.feature is None) == (state is not MatchState.USED)
    assert (match.stamp, match.age) == (at(0), vehicle - at(0))


def test_nothing_received(station):
    match = station.match(at(0))
    assert match.state is MatchState.NONE
    assert (match.stamp, match.age) == (None, None)


def test_future_says_how_far(station):
    station.add(Header(at(200)), None, at(300))
    assert '200 ms' in station.match(at(0)).reason


def test_reordered_arrivals_are_sorted(station):
    for number in (0, 2, 1):
        station.add(Header(at(number * 100), number), number, at(250))
    assert station.match(at(120)).feature.payload == 1
    assert station.match(at(220)).feature.payload == 2
    assert station.counters().lost == 0


def test_a_feature_may_serve_several_images_and_counts_once(station):
    drive(station, range(1))
    for vehicle in (10, 60, 110):
        station.report_fused(station.match(at(vehicle)).feature)
    counters = station.counters()
    assert (counters.received, counters.fused, counters.cached) == (1, 1, 0)


def test_older_ones_are_superseded_by_use(station):
    drive(station, range(3))
    assert station.counters().cached == 3
    station.report_fused(station.match(at(210)).feature)
    counters = station.counters()
    assert (counters.fused, counters.superseded, counters.expired) == (1, 2, 0)


def test_unused_ones_expire(station):
    drive(station, range(3))
    station.match(at(450))
    counters = station.counters()
    assert (counters.expired, counters.cached, counters.superseded) == (2, 1, 0)


def test_cache_is_bounded(station):
    drive(station, range(50))
    counters = station.counters()
    assert (counters.cached, counters.superseded) == (8, 42)


def test_use_counts_although_the_feature_left_the_cache_meanwhile(station):
    drive(station, range(1))
    feature = station.match(at(10)).feature
    drive(station, range(1, 20))
    assert feature.outcome == 'superseded'
    station.report_fused(feature)
    counters = station.counters()
    assert (counters.fused, counters.superseded) == (1, 11)


def test_undecodable_feature_is_dropped_and_the_next_one_chosen(station):
    drive(station, range(2))
    station.report_refused(station.match(at(110)).feature, 'corrupt_payload', 'broken')
    assert station.match(at(110)).feature.payload == 0
    assert station.counters().refused_by_cause == {'corrupt_payload': 1}


def test_refusing_what_was_fused_before_changes_no_count(station):
    drive(station, range(1))
    feature = station.match(at(10)).feature
    station.report_fused(feature)
    station.report_refused(feature, 'corrupt_payload', 'broken')
    counters = station.counters()
    assert (counters.fused, counters.refused) == (1, 0)


def test_duplicates_are_apart(station):
    drive(station, range(3))
    results = drive(station, range(3))
    assert {cause_of(result) for result in results} == {'duplicate'}
    counters = station.counters()
    assert (counters.received, counters.duplicates, counters.refused) == (3, 3, 0)


def test_lost_ones_are_the_gaps(station):
    drive(station, [0, 1, 4, 5, 9])
    assert station.counters().lost == 5


def test_refused_ones_are_not_lost(station):
    drive(station, [0])
    header = Header(at(100), 1)
    station.refuse('checksum', 'bit flipped', at(130), header)
    drive(station, [2])
    counters = station.counters()
    assert (counters.lost, counters.refused_by_cause) == (0, {'checksum': 1})


def test_zero_stamp(station):
    assert cause_of(station.add(Header(0), None, at(0))) == 'zero_stamp'


@pytest.mark.parametrize(('ahead', 'refused'), [(50, False), (51, True), (90_000_000, True)])
def test_stamps_ahead_of_the_clock(station, ahead, refused):
    result = station.add(Header(at(ahead)), None, at(0))
    assert isinstance(result, Refused) == refused
    if refused:
        assert cause_of(result) == 'stamp_ahead'
        assert ('use_sim_time' in result.reason) == (ahead > 3_600_000)


def test_clock_that_has_not_started(station):
    result = station.add(Header(at(0)), None, 0)
    assert cause_of(result) == 'stamp_ahead'
    assert '/clock' in result.reason


def test_restart_of_the_sender(station):
    drive(station, range(100, 105))
    results = drive(station, range(105, 108), session_id=2)
    restarted = [
        station.add(Header(at(10_800), 0, session_id=3), 'new', at(10_830)),
        station.add(Header(at(10_900), 1, session_id=3), 'new', at(10_930)),
    ]
    assert all(isinstance(result, Accepted) for result in results + restarted)
    counters = station.counters()
    assert (counters.restarts, counters.lost, counters.duplicates) == (2, 0, 0)


def test_restart_may_move_the_camera_and_set_the_clock_back(station):
    drive(station, range(200))
    first = Header(at(10_000), 0, session_id=2, camera_position=(500.0, 0.0, 7.0))
    assert isinstance(station.add(first, None, at(19_990)), Accepted)


def test_restart_on_an_earlier_timeline_leaves_nothing_of_the_later_one(station):
    drive(station, range(1000, 1010))
    drive(station, range(12), session_id=2)
    match = station.match(at(1120))
    assert (match.state, match.feature.header.session_id) == (MatchState.USED, 2)
    assert station.counters().adds_up


def test_straggler_of_the_old_session(station):
    drive(station, range(3))
    drive(station, [3], session_id=2)
    result = station.add(Header(at(290), 4), None, at(340))
    assert cause_of(result) == 'old_session'
    assert "'north'" in result.reason
    assert isinstance(drive(station, [4], session_id=2)[0], Accepted)


def test_one_stray_message_of_another_session_does_not_lock_the_station_out(station):
    drive(station, range(3))
    drive(station, [3], session_id=2)
    results = drive(station, range(4, 30))
    assert cause_of(results[0]) == 'old_session'
    assert isinstance(results[-1], Accepted)
    causes = [cause_of(item) for item in results if not isinstance(item, Accepted)]
    window = MatchingConfig().reorder_window
    assert len(causes) == window // (100 * MS)
    assert set(causes) == {'old_session'}


def test_two_senders_of_one_name_do_not_take_turns(station):
    drive(station, range(3))
    for number in range(3, 40, 2):
        assert isinstance(drive(station, [number], session_id=2)[0], Accepted)
        assert cause_of(drive(station, [number + 1])[0]) == 'old_session'


def test_pose_jump_is_refused_until_a_restart(station):
    drive(station, range(2))
    moved = {'camera_position': (3.1, 0.0, 7.0)}
    results = drive(station, [2, 3], **moved)
    assert [cause_of(result) for result in results] == ['pose_jump', 'pose_jump']
    assert '3.10 m' in results[0].reason
    match = station.match(at(700))
    assert match.state is MatchState.REFUSED
    assert '3.10 m' in match.reason
    assert isinstance(drive(station, [4], session_id=2, **moved)[0], Accepted)


def test_offset_changes_of_a_data_set_are_no_jump(station):
    offsets = [0.0, 0.93, 0.93, 0.2, 1.1]
    for number, offset in enumerate(offsets):
        header = Header(at(number * 100), number, camera_position=(offset, 0.5, 7.0))
        assert isinstance(station.add(header, None, at(number * 100 + 30)), Accepted)


def test_unknown_pose_is_no_jump(station):
    drive(station, [0])
    assert isinstance(drive(station, [1], camera_position=None)[0], Accepted)
    assert cause_of(drive(station, [2], camera_position=(9.0, 0.0, 7.0))[0]) == 'pose_jump'


def test_refusal_explains_only_for_a_while(station):
    drive(station, [0])
    station.refuse('checksum', 'bit flipped', at(500))
    assert station.match(at(600)).state is MatchState.REFUSED
    station.follow_clock(at(4000))
    assert station.match(at(4000)).state is MatchState.STALE


def test_good_feature_ends_the_refusal(station):
    station.refuse('checksum', 'bit flipped', at(0))
    drive(station, [1])
    assert station.match(at(1000)).state is MatchState.STALE


def test_sim_clock_jumps_back_with_a_looped_bag(station):
    drive(station, range(100))
    results = drive(station, range(100))
    assert all(isinstance(result, Accepted) for result in results)
    counters = station.counters()
    assert (counters.jumps, counters.duplicates, counters.refused) == (1, 0, 0)
    assert station.match(at(9910)).feature.payload == 99


def test_looped_bag_with_a_restart_of_the_sender(station):
    for _ in range(2):
        results = drive(station, range(50)) + drive(station, range(50, 100), session_id=2)
        assert all(isinstance(result, Accepted) for result in results)


def test_earlier_bag_is_played(station):
    drive(station, range(100))
    earlier = Header(START - 86_400 * SECOND, 0, session_id=9, camera_position=(9e4, 0.0, 0.0))
    assert isinstance(station.add(earlier, None, earlier.stamp), Accepted)
    assert station.match(earlier.stamp).state is MatchState.USED


def test_clock_jumps_forward(station):
    drive(station, range(10))
    drive(station, range(36_000, 36_003))
    assert station.match(at(3_600_210)).feature.payload == 36_002


def test_looped_sender_under_a_running_clock_is_followed_after_three_arrivals(station):
    drive(station, range(100))
    now = at(10_000)
    results = [
        station.add(Header(at(number * 100), 100 + number), number, now + number * 100 * MS)
        for number in range(6)
    ]
    assert [cause_of(result) for result in results[:2]] == ['late', 'late']
    assert all(isinstance(result, Accepted) for result in results[2:])
    assert station.match(at(510)).feature.payload == 5
    assert station.counters().jumps == 1


def test_recorded_features_looped_under_a_running_clock(station):
    drive(station, range(3000))
    results = [station.add(Header(at(n * 100), n), n, at(400_000 + n * 100)) for n in range(5)]
    assert [cause_of(result) for result in results[:2]] == ['late', 'late']
    assert all(isinstance(result, Accepted) for result in results[2:])


def test_single_late_arrivals_do_not_reset_the_cache(station):
    drive(station, [*range(10), *range(11, 20), *range(21, 60)])
    assert cause_of(station.add(Header(at(1000), 10), None, at(5990))) == 'late'
    drive(station, [60])
    assert cause_of(station.add(Header(at(2000), 20), None, at(6090))) == 'late'
    counters = station.counters()
    assert (counters.jumps, counters.lost, counters.refused_by_cause) == (0, 0, {'late': 2})


def test_vehicle_time_jumps_back(station):
    drive(station, range(100))
    station.forget_after(at(0))
    match = station.match(at(0))
    assert match.state is MatchState.NONE
    assert match.reason == (
        'no feature of it was taken in since time went back; those from before were dropped'
    )
    assert isinstance(drive(station, [0])[0], Accepted)


def test_clock_jumps_back_under_a_silent_station(station):
    drive(station, range(100))
    station.follow_clock(at(0))
    match = station.match(at(0))
    assert match.state is MatchState.NONE
    assert 'since time went back' in match.reason


def test_silence_after_the_node_listens_again(station):
    drive(station, range(3))
    station.listen_again()
    match = station.match(at(5000))
    assert match.state is MatchState.NONE
    assert match.reason == 'no feature of it was taken in since the node listens again'


def test_time_goes_back_while_the_node_does_not_listen(station):
    drive(station, range(1000, 1010))
    station.listen_again()
    station.follow_clock(at(0))
    drive(station, range(6), session_id=2)
    assert station.match(at(520)).state is MatchState.USED


def test_silence_after_a_first_feature_that_was_refused(station):
    assert cause_of(station.add(Header(at(500)), None, at(0))) == 'stamp_ahead'
    station.follow_clock(at(4000))
    match = station.match(at(4000))
    assert match.state is MatchState.NONE
    assert match.reason == 'no feature of it was taken in yet'


def test_forgetting_keeps_a_timeline_that_was_already_begun_anew(station):
    drive(station, range(3))
    station.forget_after(at(200))
    assert station.match(at(210)).feature.payload == 2


def test_dataset_pairs_never_leave_the_window(station):
    drive(station, range(8))
    policy = DatasetPairs({at(710): at(600), at(720): at(100)})
    assert station.match(at(710), policy).feature.payload == 6
    match = station.match(at(720), policy)
    assert (match.state, match.feature) == (MatchState.NONE, None)
    assert 'window' in match.reason


def test_feature_of_another_station_is_a_programming_error(station):
    with pytest.raises(ValueError, match="'south'"):
        station.add(Header(at(0), station_id='south'), None, at(0))
