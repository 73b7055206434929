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

"""Batches that follow from seed and epoch alone: a resumed run sees the same data."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from torch.utils.data import Sampler

_ORDER, _DROPOUT = 0, 1


class SampleKey(NamedTuple):
    """What the data set is asked for.

    Attributes:
        index: of the pair.
        epoch: decides the random changes together with the index.
        roadside: False trains this sample without the roadside view.
    """

    index: int
    epoch: int = 0
    roadside: bool = True


class SeededBatchSampler(Sampler[list[SampleKey]]):
    """Shuffled batches of :class:`SampleKey`; an incomplete last batch is left out.

    The roadside view is dropped for whole batches: then its backbone need not run.

    Args:
        length: number of pairs.
        batch_size: pairs a batch (on each device).
        repeat: how often each pair comes up in one epoch.
        seed: of the order and of the dropped views.
        roadside_dropout: share of the batches without the roadside view.
        rank, world_size: which part of every epoch belongs to this process.

    Raises:
        ValueError: if there are fewer pairs than one batch on every device needs.
    """

    def __init__(
        self,
        length: int,
        batch_size: int,
        repeat: int = 1,
        seed: int = 0,
        roadside_dropout: float = 0.0,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        """See the class."""
        if length * repeat < batch_size * world_size:
            raise ValueError(
                f'{length} pairs x {repeat} repetitions do not fill one batch of {batch_size} on '
                f'{world_size} device(s); give more data or a smaller batch_size'
            )
        self.length = length
        self.batch_size = batch_size
        self.repeat = repeat
        self.seed = seed
        self.roadside_dropout = roadside_dropout
        self.rank = rank
        self.world_size = world_size
        self.epoch = 0

    @property
    def sampler(self) -> 'SeededBatchSampler':
        """Return itself: Lightning looks for ``set_epoch`` on a batch sampler's sampler."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch that the next iteration yields; Lightning calls this."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return self.length * self.repeat // (self.batch_size * self.world_size)

    def __iter__(self) -> Iterator[list[SampleKey]]:
        """Yield the batches of the current epoch."""
        random = np.random.default_rng([self.seed, _ORDER, self.epoch])
        order = random.permutation(np.tile(np.arange(self.length), self.repeat))
        # Repetitions of one pair in an epoch get different random changes.
        repetition = np.zeros(self.length, np.int64)
        step = self.batch_size * self.world_size
        dropout = np.random.default_rng([self.seed, _DROPOUT, self.epoch])
        for batch in range(len(self)):
            roadside = bool(dropout.uniform() >= self.roadside_dropout)
            keys = []
            for index in order[batch * step : (batch + 1) * step].tolist():
                epoch = self.epoch * self.repeat + int(repetition[index])
                repetition[index] += 1
                keys.append(SampleKey(index, epoch, roadside))
            yield keys[self.rank :: self.world_size]
