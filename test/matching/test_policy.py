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

"""Which of the fitting stamps a policy chooses."""

import pytest

from emiff_ros.matching.policy import DatasetPairs, NewestFitting


def test_newest_fitting_takes_the_last():
    assert NewestFitting().choose([10, 20, 30], 25).index == 2


def test_newest_fitting_without_stamps():
    choice = NewestFitting().choose([], 25)
    assert choice.index is None
    assert choice.reason


def test_dataset_pairs_takes_the_listed_stamp_not_the_newest():
    policy = DatasetPairs({100: 60, 200: 150})
    assert policy.choose([60, 70, 90], 100).index == 0


@pytest.mark.parametrize(('vehicle_stamp', 'said'), [(101, 'no pair'), (200, '150')])
def test_dataset_pairs_says_what_is_missing(vehicle_stamp, said):
    choice = DatasetPairs({100: 60, 200: 150}).choose([60, 70], vehicle_stamp)
    assert choice.index is None
    assert said in choice.reason


def test_dataset_pairs_needs_pairs():
    with pytest.raises(ValueError, match='at least one pair'):
        DatasetPairs({})


def test_only_newest_fitting_gives_up_older_features():
    assert NewestFitting.drops_older
    assert not DatasetPairs.drops_older
