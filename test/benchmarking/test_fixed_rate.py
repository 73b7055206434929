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

"""Arrivals, losses and latencies on a clock that the test moves."""

import pytest

from emiff_ros.benchmarking.fixed_rate import highest_rate, run_at_rate


class Machine:
    """A clock, and work that takes a while."""

    def __init__(self, seconds):
        self.now, self.seconds, self.processed = 100.0, seconds, []

    def run(self, index):
        self.now += self.seconds
        self.processed.append(index)

    def sleep(self, seconds):
        self.now += seconds + 1e-9

    def at(self, rate, items=20):
        return run_at_rate(self.run, rate, items, clock=lambda: self.now, sleep=self.sleep)


def test_a_fast_machine_loses_nothing():
    machine = Machine(0.03)
    measured = machine.at(10)
    assert machine.processed == list(range(20))
    assert (measured['lost'], measured['loss']) == (0, 0)
    assert measured['p99_ms'] == pytest.approx(30, abs=0.01)


def test_a_slow_machine_takes_the_newest_and_no_queue_grows():
    """An item every 100 ms, 250 ms for each: it takes 0, 2, 5, 7, 10, ..."""
    machine = Machine(0.25)
    measured = machine.at(10)
    assert machine.processed == [0, 2, 5, 7, 10, 12, 15, 17, 19]
    assert (measured['lost'], measured['loss']) == (11, 0.55)
    assert measured['p50_ms'] <= measured['p99_ms'] <= 351
    assert abs(measured['first_half_p50_ms'] - measured['second_half_p50_ms']) < 51


def test_the_highest_rate_is_near_what_the_machine_can_do():
    machine = Machine(0.05)
    best = highest_rate(lambda rate: machine.at(rate, 100), start=30)
    assert 17 < best['rate'] < 21
    assert best['loss'] < 0.05
    assert highest_rate(lambda rate: machine.at(rate, 100), start=300, attempts=2) is None


@pytest.mark.parametrize(('rate', 'items'), [(0, 5), (10, 0)])
def test_nothing_to_offer_is_refused(rate, items):
    with pytest.raises(ValueError, match='expected both above 0'):
        Machine(0.1).at(rate, items)
