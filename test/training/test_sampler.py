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

"""The order of the data follows from seed and epoch, whatever ran before."""

from collections import Counter

import pytest

from emiff_ros.training.sampler import SeededBatchSampler


def _epoch(sampler, epoch):
    sampler.set_epoch(epoch)
    return list(sampler)


def test_each_pair_comes_up_as_often_as_asked():
    sampler = SeededBatchSampler(length=12, batch_size=4, repeat=2)
    batches = _epoch(sampler, 0)
    assert len(batches) == len(sampler) == 6
    assert set(Counter(key.index for batch in batches for key in batch).values()) == {2}
    assert len({(key.index, key.epoch) for batch in batches for key in batch}) == 24


def test_an_epoch_does_not_depend_on_the_ones_before():
    first = SeededBatchSampler(length=20, batch_size=4, seed=3, roadside_dropout=0.5)
    _epoch(first, 0)
    second = SeededBatchSampler(length=20, batch_size=4, seed=3, roadside_dropout=0.5)
    assert _epoch(first, 1) == _epoch(second, 1)
    assert _epoch(first, 1) != _epoch(first, 2)


def test_the_roadside_view_is_dropped_for_whole_batches():
    sampler = SeededBatchSampler(length=400, batch_size=2, seed=1, roadside_dropout=0.3)
    batches = _epoch(sampler, 0)
    assert all(len({key.roadside for key in batch}) == 1 for batch in batches)
    dropped = sum(not batch[0].roadside for batch in batches)
    assert 40 <= dropped <= 80


def test_processes_share_an_epoch_without_overlap():
    parts = [
        _epoch(SeededBatchSampler(16, 2, seed=5, roadside_dropout=0.5, rank=rank, world_size=2), 0)
        for rank in range(2)
    ]
    assert sorted(key.index for part in parts for batch in part for key in batch) == list(
        range(16)
    )
    assert [b[0].roadside for b in parts[0]] == [b[0].roadside for b in parts[1]]


def test_too_few_pairs_are_refused():
    with pytest.raises(ValueError, match='3 pairs x 1 repetitions do not fill one batch of 4'):
        SeededBatchSampler(length=3, batch_size=4)
