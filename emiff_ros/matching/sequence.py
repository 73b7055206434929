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

"""Sequence numbers of one sender: duplicates, gaps and arrivals from far behind."""

import enum

_WINDOW = 1024
_MASK = (1 << _WINDOW) - 1
_MAX_LOST = 2**64 - 1


class Order(enum.Enum):
    """How a sequence number relates to those seen before."""

    NEW = 'new'
    DUPLICATE = 'duplicate'
    FAR_BEHIND = 'far_behind'


class SequenceTracker:
    """Counts gaps between the lowest and highest number of a run, in bounded memory.

    The last 1024 numbers are remembered one by one; what lies further behind is not judged.
    """

    def __init__(self) -> None:
        """Start without any number."""
        self._lost_before = 0
        self._begin_run()

    def observe(self, sequence: int) -> Order:
        """Note the arrival of ``sequence`` and tell how it relates to the others."""
        if self._highest is None:
            self._lowest = self._highest = sequence
            self._seen = 1
            self._count = 1
            return Order.NEW
        if sequence > self._highest:
            shift = sequence - self._highest
            self._seen = 1 if shift >= _WINDOW else (self._seen << shift | 1) & _MASK
            self._unusable = 0 if shift >= _WINDOW else self._unusable << shift & _MASK
            self._highest = sequence
            self._count += 1
            return Order.NEW
        behind = self._highest - sequence
        if behind >= _WINDOW:
            return Order.FAR_BEHIND
        bit = 1 << behind
        if self._unusable & bit:
            self._unusable ^= bit
            return Order.NEW
        if self._seen & bit:
            return Order.DUPLICATE
        self._seen |= bit
        self._lowest = min(self._lowest, sequence)
        self._count += 1
        return Order.NEW

    def observe_unusable(self, sequence: int) -> None:
        """Note that ``sequence`` arrived, but damaged: it is not lost, and a copy of it is new.

        A number far ahead may be the damage itself and moves nothing.
        """
        if self._highest is None or sequence >= self._highest + _WINDOW:
            return
        if self.observe(sequence) is Order.NEW:
            self._unusable |= 1 << (self._highest - sequence)

    def begin_again(self) -> None:
        """Begin a new run of numbers and keep the gaps of the old one."""
        self._lost_before = self.lost
        self._begin_run()

    @property
    def lost(self) -> int:
        """Numbers that are missing between the lowest and highest of each run, at most 2^64 - 1.

        The bound is that of the counter on the wire: the numbers come from the sender.
        """
        if self._highest is None:
            return self._lost_before
        missing = self._highest - self._lowest + 1 - self._count
        return min(self._lost_before + missing, _MAX_LOST)

    def _begin_run(self) -> None:
        self._lowest = 0
        self._highest: int | None = None
        self._seen = 0
        self._unusable = 0
        self._count = 0
