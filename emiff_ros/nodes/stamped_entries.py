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

"""What arrived lately, in the order of its stamps."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from typing import Generic, TypeVar

Entry = TypeVar('Entry')


class StampedEntries(Generic[Entry]):
    """The last entries by stamp, one for each stamp, oldest first.

    An entry that is older than all of a full store belongs to another run (a bag was started
    again): it is kept, and the others are forgotten. Not for several threads at once.

    Args:
        stamp_of: returns an entry's stamp, nanoseconds.
        capacity: how many are kept.
    """

    def __init__(self, stamp_of: Callable[[Entry], int], capacity: int) -> None:
        """Start empty."""
        self._stamp_of, self._capacity = stamp_of, capacity
        self._entries: list[Entry] = []

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._entries)

    def __getitem__(self, index: int) -> Entry:
        """Return an entry, counted from the oldest."""
        return self._entries[index]

    @property
    def stamps(self) -> list[int]:
        """Of all entries, nanoseconds, ascending."""
        return [self._stamp_of(entry) for entry in self._entries]

    def add(self, entry: Entry) -> None:
        """Put an entry in its place, or in the place of the one with the same stamp."""
        stamp = self._stamp_of(entry)
        index = bisect_left(self._entries, stamp, key=self._stamp_of)
        if index < len(self) and self._stamp_of(self._entries[index]) == stamp:
            self._entries[index] = entry
        elif index == 0 and len(self) >= self._capacity:
            self._entries = [entry]
        else:
            self._entries.insert(index, entry)
            del self._entries[: -self._capacity]

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()

    def after(self, stamp: int) -> int:
        """Return the index of the first entry behind ``stamp``."""
        return bisect_right(self._entries, stamp, key=self._stamp_of)
