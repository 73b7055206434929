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

"""A few of many: even, in order, no item twice."""

import pytest

from emiff_ros.spread import evenly_spread


def test_first_and_last_are_chosen_and_the_rest_lies_evenly_between():
    assert evenly_spread(range(101), 5) == [0, 25, 50, 75, 100]


@pytest.mark.parametrize('count', [0, 4, 9])
def test_all_are_taken_if_there_are_no_more_or_none_are_to_be_left_out(count):
    assert evenly_spread('abcd', count) == list('abcd')


@pytest.mark.parametrize('count', range(1, 20))
def test_no_item_is_taken_twice(count):
    chosen = evenly_spread(range(20), count)
    assert len(chosen) == len(set(chosen)) == count
    assert chosen == sorted(chosen)


def test_nothing_to_choose_from():
    assert evenly_spread([], 3) == []


def test_a_negative_number_is_refused():
    with pytest.raises(ValueError, match='count is -1'):
        evenly_spread([1], -1)
