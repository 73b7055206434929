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

"""Bag time from steady time, exactly."""

import math

import pytest

from emiff_ros.bags.play_clock import PlayClock
from emiff_ros.stamps import SECOND

START = 1626240240 * SECOND


def test_rate_and_due_times():
    clock = PlayClock(START, 2.0, now=500)
    assert clock.position(500) == START
    assert clock.position(500 + SECOND) == START + 2 * SECOND
    assert clock.due_in(START + SECOND, 500) == pytest.approx(0.5)
    assert clock.due_in(START + SECOND, 500 + SECOND) == pytest.approx(-0.5)


def test_no_drift_over_a_day():
    clock = PlayClock(START, 0.1, now=0)
    day = 24 * 3600 * SECOND
    assert clock.position(day) == START + day // 10
    assert clock.due_in(START + day // 10, day) == pytest.approx(0, abs=1e-6)


def test_pause_keeps_bag_time():
    clock = PlayClock(START, 1.0, now=0)
    clock.pause(3 * SECOND)
    clock.pause(5 * SECOND)
    assert clock.paused and clock.position(9 * SECOND) == START + 3 * SECOND
    assert math.isinf(clock.due_in(START, 9 * SECOND))
    clock.resume(10 * SECOND)
    clock.resume(11 * SECOND)
    assert not clock.paused and clock.position(11 * SECOND) == START + 4 * SECOND


def test_skip_jumps_forward_only():
    clock = PlayClock(START, 2.0, now=0)
    clock.skip(7 * SECOND)
    assert clock.position(SECOND) == START + 9 * SECOND
    assert clock.due_in(START + 9 * SECOND, 0) == pytest.approx(1.0)
    with pytest.raises(ValueError, match='cannot jump back'):
        clock.skip(-1)


@pytest.mark.parametrize('rate', [0.0, -1.0, math.nan, math.inf])
def test_impossible_rates(rate):
    with pytest.raises(ValueError, match='expected a positive number'):
        PlayClock(START, rate, 0)
