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

"""Gaps, duplicates and reordering of sequence numbers."""

import random

from emiff_ros.matching.sequence import Order, SequenceTracker


def observe_all(numbers):
    tracker = SequenceTracker()
    return tracker, [tracker.observe(number) for number in numbers]


def test_gapless_run_loses_nothing():
    tracker, orders = observe_all(range(5, 3000))
    assert set(orders) == {Order.NEW}
    assert tracker.lost == 0


def test_gaps_are_lost_until_they_are_filled():
    tracker, _ = observe_all([0, 1, 4])
    assert tracker.lost == 2
    assert tracker.observe(3) is Order.NEW
    assert tracker.lost == 1


def test_duplicates_are_recognised_at_every_distance():
    tracker, _ = observe_all(range(1024))
    assert {tracker.observe(number) for number in range(1024)} == {Order.DUPLICATE}
    assert tracker.lost == 0


def test_numbers_beyond_the_memory_are_far_behind():
    tracker, _ = observe_all([0, 1024])
    assert tracker.observe(0) is Order.FAR_BEHIND
    assert tracker.observe(1) is Order.NEW
    assert tracker.lost == 1022


def test_first_arrival_need_not_be_the_lowest():
    tracker, orders = observe_all([7, 5, 6, 4])
    assert set(orders) == {Order.NEW}
    assert tracker.lost == 0


def test_huge_jumps_cost_no_memory():
    tracker, _ = observe_all([0, 2**64 - 1])
    assert tracker.lost == 2**64 - 2
    assert tracker.observe(2**64 - 2) is Order.NEW


def test_new_run_keeps_the_gaps_of_the_old_one():
    tracker, _ = observe_all([0, 3])
    tracker.begin_again()
    assert tracker.lost == 2
    assert tracker.observe(0) is Order.NEW
    tracker.observe(2)
    assert tracker.lost == 3


def test_lost_fits_the_counter_of_the_message():
    tracker = SequenceTracker()
    for _ in range(3):
        tracker.observe(0)
        tracker.observe(2**64 - 1)
        tracker.begin_again()
    assert tracker.lost == 2**64 - 1


def test_nothing_arrived():
    assert SequenceTracker().lost == 0


def test_random_order_within_the_window_against_a_set():
    rng = random.Random(1)
    numbers = sorted(rng.sample(range(2000), 1500))
    arrivals = sorted(numbers + rng.sample(numbers, 200), key=lambda n: n + rng.uniform(0, 300))
    tracker, seen = SequenceTracker(), set()
    for number in arrivals:
        expected = Order.DUPLICATE if number in seen else Order.NEW
        assert tracker.observe(number) is expected
        seen.add(number)
    assert tracker.lost == max(numbers) - min(numbers) + 1 - len(numbers)


def test_a_damaged_number_is_not_lost_and_its_copy_is_new_once():
    tracker, _ = observe_all([0])
    tracker.observe_unusable(1)
    tracker.observe(2)
    assert tracker.lost == 0
    assert [tracker.observe(1), tracker.observe(1)] == [Order.NEW, Order.DUPLICATE]
    assert tracker.lost == 0


def test_a_damaged_copy_does_not_make_a_number_new_again():
    tracker, _ = observe_all([0, 1])
    tracker.observe_unusable(1)
    assert tracker.observe(1) is Order.DUPLICATE


def test_a_damaged_number_far_ahead_is_not_believed():
    tracker, _ = observe_all([0, 1])
    tracker.observe_unusable(2**60)
    assert tracker.observe(2) is Order.NEW
    assert tracker.lost == 0
