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

"""Whatever arrives in whatever order: never outside the window, and the counters add up."""

from hypothesis import given, settings
from hypothesis import strategies as st
from matching.station_feed import MS, Header, at

from emiff_ros.matching.config import MatchingConfig
from emiff_ros.matching.matcher import Matcher
from emiff_ros.matching.policy import DatasetPairs, NewestFitting
from emiff_ros.matching.results import Accepted, MatchState, Refused

TIMES = st.one_of(
    st.integers(-200, 3000),
    st.sampled_from([-100_000, -1500, 30_000, 10_000_000]),
)
ARRIVALS = st.tuples(
    st.just('add'),
    st.builds(
        Header,
        stamp=TIMES.map(at) | st.just(0),
        sequence=st.integers(0, 40) | st.just(2**64 - 1),
        station_id=st.sampled_from('abc'),
        session_id=st.integers(1, 3),
        camera_position=st.sampled_from([None, (0.0, 0.0, 0.0), (2.0, 0.0, 0.0), (9.0, 0.0, 0.0)]),
    ),
    TIMES.map(at),
)
REFUSALS = st.tuples(st.just('refuse'), st.sampled_from('abc'), TIMES.map(at))
MATCHES = st.tuples(st.just('match'), TIMES.map(at), TIMES.map(at), st.sampled_from('fro'))
CONFIG = MatchingConfig(capacity=3, max_stations=2)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.one_of(ARRIVALS, ARRIVALS, MATCHES, REFUSALS), max_size=60),
    st.one_of(
        st.just(NewestFitting()),
        st.dictionaries(TIMES.map(at), TIMES.map(at), min_size=1).map(DatasetPairs),
    ),
)
def test_window_and_counters_hold_for_random_histories(events, policy):
    matcher = Matcher(CONFIG, policy)
    accepted = refused = duplicates = 0
    for event in events:
        if event[0] == 'add':
            result = matcher.add(event[1], None, event[2])
            accepted += isinstance(result, Accepted)
            duplicate = isinstance(result, Refused) and result.cause == 'duplicate'
            duplicates += duplicate
            refused += isinstance(result, Refused) and not duplicate
        elif event[0] == 'refuse':
            matcher.refuse(event[1], 'checksum', 'bit flipped', event[2])
            refused += 1
        else:
            check_matches(matcher, event[1], event[2], event[3])
        everything = [*matcher.counters().values(), matcher.unassigned_counters()]
        assert all(counters.adds_up for counters in everything)
        assert all(counters.lost >= 0 for counters in everything)
        assert all(counters.cached <= CONFIG.capacity for counters in everything)
        assert sum(counters.received for counters in everything) == accepted + refused
        assert sum(counters.duplicates for counters in everything) == duplicates


def check_matches(matcher, vehicle_stamp, now, report):
    for match in matcher.match(vehicle_stamp, now).values():
        assert (match.feature is not None) == (match.state is MatchState.USED)
        if match.feature is None:
            assert match.reason
            continue
        age = vehicle_stamp - match.feature.header.stamp
        assert -50 * MS <= age <= 300 * MS
        assert (match.age, match.stamp) == (age, match.feature.header.stamp)
        if report == 'f':
            matcher.report_fused(match)
        elif report == 'r':
            before = matcher.counters()[match.station_id].refused
            was_fused = match.feature.outcome == 'fused'
            matcher.report_refused(match, 'corrupt_payload', 'broken')
            after = matcher.counters()[match.station_id].refused
            assert after - before == (not was_fused)
            # It moves from cached to refused; the number of received messages stays.
            assert match.feature.outcome in ('fused', 'refused')
