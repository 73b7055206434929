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

"""Every message in a ledger is accounted for once."""

from matching.station_feed import Header, at
import pytest

from emiff_ros.matching.ledger import Ledger
from emiff_ros.matching.results import CachedFeature


def taken_in(ledger):
    ledger.take_in()
    return CachedFeature(Header(at(0)), None)


def test_a_feature_counts_once_whatever_is_said_of_it():
    ledger = Ledger()
    feature = taken_in(ledger)
    assert ledger.counters(cached=1).adds_up
    for outcome in ('superseded', 'expired', 'fused', 'expired', 'fused'):
        ledger.settle(feature, outcome)
        assert ledger.counters().adds_up
    ledger.settle_refused(feature, 'fusion_failed')
    counters = ledger.counters()
    assert (counters.fused, counters.superseded, counters.refused) == (1, 0, 0)
    assert feature.outcome == 'fused'


@pytest.mark.parametrize('left_as', [None, 'superseded', 'expired'])
def test_a_refusal_overrides_that_a_feature_left_the_cache(left_as):
    ledger = Ledger()
    feature = taken_in(ledger)
    if left_as:
        ledger.settle(feature, left_as)
    for _ in range(2):
        ledger.settle_refused(feature, 'fusion_failed')
    ledger.settle(feature, 'fused')
    counters = ledger.counters()
    assert counters.refused_by_cause == {'fusion_failed': 1}
    assert counters.adds_up
    assert (counters.fused, counters.superseded, counters.expired) == (0, 0, 0)


def test_absorbed_counters_are_added_and_what_is_open_comes_on_top():
    ledger, gone = Ledger(), Ledger()
    gone.settle(taken_in(gone), 'fused')
    gone.refuse('checksum')
    gone.note_duplicate()
    gone.note_jump()
    ledger.refuse('checksum')
    for _ in range(2):
        ledger.absorb(gone.counters(lost=3, restarts=1))
    counters = ledger.counters(lost=1, restarts=5)
    assert (counters.received, counters.fused, counters.refused_by_cause) == (
        5,
        2,
        {'checksum': 3},
    )
    assert (counters.lost, counters.restarts) == (7, 7)
    assert (counters.duplicates, counters.jumps) == (2, 2)
    assert counters.adds_up
