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

from dataclasses import dataclass

from hypothesis import given, settings, target
from hypothesis import strategies as st
from matching.station_feed import MS, Header, at

from emiff_ros.matching.config import MatchingConfig
from emiff_ros.matching.matcher import Matcher
from emiff_ros.matching.policy import DatasetPairs, NewestFitting
from emiff_ros.matching.results import Accepted, MatchState, Refused

CONFIG = MatchingConfig(capacity=3, max_stations=2)


@dataclass(frozen=True)
class Arrival:
    """A feature ``advance`` ms after the one before it, ``delay`` ms late."""

    station: str
    advance: int
    delay: int
    repeats: bool = False
    session: int = 1
    position: tuple[float, float, float] | None = (0.0, 0.0, 7.0)


@dataclass(frozen=True)
class Image:
    """A vehicle image, ``shift`` ms after the newest feature."""

    shift: int


@dataclass(frozen=True)
class Report:
    """What becomes of the oldest choice that was not reported yet."""

    fused: bool


@dataclass(frozen=True)
class Broken:
    """A message that was refused before it reached the matching."""

    station: str


ADVANCE = st.one_of(st.integers(-150, 250), st.sampled_from([-20_000, -1500, 0, 5000, 70_000]))
EVENTS = st.one_of(
    st.builds(Arrival, st.sampled_from('ab'), ADVANCE, st.integers(-60, 400)),
    st.builds(
        Arrival,
        st.sampled_from('abc'),
        ADVANCE,
        st.integers(-60, 400),
        st.booleans(),
        st.integers(1, 3),
        st.sampled_from([None, (0.0, 0.0, 7.0), (2.0, 0.0, 7.0), (9.0, 0.0, 7.0)]),
    ),
    st.builds(Image, st.integers(-200, 500)),
    st.builds(Report, st.booleans()),
    st.builds(Broken, st.sampled_from('abc')),
)


class World:
    """A matcher and what must be true of it."""

    def __init__(self, policy):
        self.matcher = Matcher(CONFIG, policy)
        self.time = 0
        self.sequence = 0
        self.taken = self.duplicates = self.used = 0
        self.choices = []

    def arrive(self, event):
        self.time += event.advance
        self.sequence += not event.repeats
        stamp = at(self.time)
        header = Header(stamp, self.sequence, event.station, event.session, event.position)
        result = self.matcher.add(header, None, stamp + event.delay * MS)
        duplicate = isinstance(result, Refused) and result.cause == 'duplicate'
        self.duplicates += duplicate
        self.taken += not duplicate
        assert isinstance(result, Accepted | Refused)

    def match(self, event):
        stamp = at(self.time + event.shift)
        for match in self.matcher.match(stamp, stamp).values():
            assert (match.feature is not None) == (match.state is MatchState.USED)
            if match.feature is None:
                assert match.reason
                continue
            age = stamp - match.feature.header.stamp
            assert -50 * MS <= age <= 300 * MS
            assert (match.age, match.stamp) == (age, match.feature.header.stamp)
            self.choices.append(match)
            self.used += 1

    def report(self, event):
        if not self.choices:
            return
        match = self.choices.pop(0)
        if event.fused:
            self.matcher.report_fused(match)
        else:
            self.matcher.report_refused(match, 'corrupt_payload', 'broken')
        assert match.feature.outcome in ('fused', 'refused')

    def fail(self, event):
        self.matcher.refuse(event.station, 'checksum', 'bit flipped', at(self.time))
        self.taken += 1

    def check(self):
        known, unknown, forgotten = self.matcher.all_counters()
        everything = [*known.values(), unknown, forgotten]
        assert len(known) <= CONFIG.max_stations
        for counters in everything:
            assert counters.adds_up, counters
            assert min(counters.fused, counters.superseded, counters.expired, counters.lost) >= 0
            assert counters.cached <= CONFIG.capacity
        assert sum(counters.received for counters in everything) == self.taken
        assert sum(counters.duplicates for counters in everything) == self.duplicates


@settings(max_examples=200, deadline=None)
@given(st.lists(EVENTS, max_size=60), st.booleans())
def test_window_and_counters_hold_for_random_histories(events, pairs):
    stamps = {at(ms): at(ms - 40) for ms in range(0, 2000, 10)}
    world = World(DatasetPairs(stamps) if pairs else NewestFitting())
    act = {Arrival: world.arrive, Image: world.match, Report: world.report, Broken: world.fail}
    for event in events:
        act[type(event)](event)
        world.check()
    target(float(world.used))
