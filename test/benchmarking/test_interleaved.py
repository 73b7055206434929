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

"""Turns, ratios and percentiles of a comparison, on a clock that the test moves."""

import pytest

from emiff_ros.benchmarking.interleaved import speed_ratio, summary, time_interleaved


def test_candidates_take_turns():
    now, order = [0.0], []

    def candidate(name, seconds):
        def run(index):
            order.append((name, index))
            now[0] += seconds

        return run

    candidates = {'slow': candidate('slow', 0.4), 'fast': candidate('fast', 0.1)}
    seconds = time_interleaved(candidates, rounds=5, turn_seconds=0.35, clock=lambda: now[0])
    turn = [('slow', 0), *(('fast', index) for index in range(4))]
    assert order == turn * 5
    assert [len(one) for one in seconds['fast']] == [4] * 5
    assert speed_ratio(seconds['slow'], seconds['fast']) == {
        'median': 4.0,
        'lowest_round': 4.0,
        'highest_round': 4.0,
    }


def test_fewer_than_five_rounds_are_refused():
    with pytest.raises(ValueError, match='rounds is 4; expected at least 5'):
        time_interleaved({}, rounds=4)


def test_a_summary_counts_all_items():
    values = summary([[0.1, 0.1], [0.1, 0.3]])
    assert (values['items'], values['per_second'], values['p50_ms']) == (4, 6.667, 100.0)
