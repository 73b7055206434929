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

"""Entries stay in the order of their stamps and within their number."""

import random

import pytest

from emiff_ros.nodes.stamped_entries import StampedEntries


def entries(*stamps, capacity=4):
    made = StampedEntries(lambda entry: entry[0], capacity)
    for stamp in stamps:
        made.add((stamp, 'first'))
    return made


@pytest.mark.parametrize('seed', range(5))
def test_whatever_the_order_of_arrival(seed):
    stamps = list(range(10, 90, 10))
    random.Random(seed).shuffle(stamps)
    assert entries(*stamps, capacity=8).stamps == sorted(stamps)


def test_the_oldest_give_way():
    assert entries(1, 2, 3, 4, 6, 5).stamps == [3, 4, 5, 6]


def test_the_newer_of_two_with_one_stamp_is_kept():
    made = entries(1, 2, 3)
    made.add((2, 'second'))
    assert [made[index] for index in range(len(made))] == [
        (1, 'first'),
        (2, 'second'),
        (3, 'first'),
    ]


def test_what_is_older_than_a_full_store_is_of_another_run():
    made = entries(11, 12, 13, 14)
    made.add((11, 'again'))
    assert made.stamps == [11, 12, 13, 14]
    made.add((1, 'restarted'))
    assert made.stamps == [1]


def test_the_first_entry_behind_a_stamp():
    made = entries(10, 20)
    assert [made.after(stamp) for stamp in (9, 10, 11, 20)] == [0, 1, 1, 2]


def test_clear_forgets_all():
    made = entries(1, 2)
    made.clear()
    assert len(made) == 0 and made.stamps == []
