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

"""Which of a station's cached features belongs to a vehicle image: policies as objects."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Choice:
    """Result of a policy.

    Attributes:
        index: position in the offered stamps, or None.
        reason: why, for people.
    """

    index: int | None
    reason: str


class MatchingPolicy(Protocol):
    """Chooses among stamps that all lie inside the window.

    Attributes:
        drops_older: whether features older than a fused one will never be chosen again.
    """

    drops_older: bool

    def choose(self, stamps: Sequence[int], vehicle_stamp: int) -> Choice:
        """Choose one of ``stamps`` (ascending, nanoseconds) for the image at ``vehicle_stamp``."""


class NewestFitting:
    """The newest feature inside the window."""

    drops_older = True

    def choose(self, stamps: Sequence[int], vehicle_stamp: int) -> Choice:
        """Choose the last of ``stamps``."""
        if not stamps:
            return Choice(None, 'no feature inside the window')
        return Choice(len(stamps) - 1, 'newest inside the window')


class DatasetPairs:
    """The pairs of a data set, for replays whose results are compared with its protocol."""

    drops_older = False

    def __init__(self, station_stamp_of: Mapping[int, int]) -> None:
        """Store the pairs.

        Args:
            station_stamp_of: vehicle image stamp to station image stamp, nanoseconds.

        Raises:
            ValueError: if there are no pairs.
        """
        if not station_stamp_of:
            raise ValueError('dataset_pairs needs at least one pair of stamps; got none')
        self._station_stamp_of = dict(station_stamp_of)

    def choose(self, stamps: Sequence[int], vehicle_stamp: int) -> Choice:
        """Choose the stamp that the data set pairs with ``vehicle_stamp``."""
        wanted = self._station_stamp_of.get(vehicle_stamp)
        if wanted is None:
            return Choice(None, f'the data set has no pair for vehicle stamp {vehicle_stamp}')
        for index, stamp in enumerate(stamps):
            if stamp == wanted:
                return Choice(index, 'the pair of the data set')
        return Choice(None, f'the pair at station stamp {wanted} is not inside the window')
