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

"""What became of the features of a station."""

from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True)
class StationCounters:
    """One moment's counters of a station.

    ``received = fused + superseded + expired + refused + cached`` at every moment.

    Attributes:
        received: messages, duplicates not among them.
        fused: used in at least one result.
        superseded: left the cache unused because of newer ones.
        expired: left the cache unused because of their age, because the clock jumped back, or
            because the station was forgotten.
        refused_by_cause: never used, by the name of the cause.
        cached: still in the cache and not used so far.
        lost: open gaps of the sequence; a late arrival closes its gap.
        duplicates: arrived again.
        restarts: new sessions of the sender after the first.
        jumps: times that the station's timeline was begun anew because stamps or clock went back.
    """

    received: int = 0
    fused: int = 0
    superseded: int = 0
    expired: int = 0
    refused_by_cause: dict[str, int] = field(default_factory=dict)
    cached: int = 0
    lost: int = 0
    duplicates: int = 0
    restarts: int = 0
    jumps: int = 0

    @property
    def refused(self) -> int:
        """All refused messages."""
        return sum(self.refused_by_cause.values())

    @property
    def adds_up(self) -> bool:
        """Tell whether every received message is accounted for."""
        accounted = self.fused + self.superseded + self.expired + self.refused + self.cached
        return self.received == accounted


class AllCounters(NamedTuple):
    """One moment's counters of everything that arrived.

    Attributes:
        known: of each known station.
        unknown: of what was refused under other names.
        forgotten: of the stations that are not known any more, in all.
    """

    known: dict[str, StationCounters]
    unknown: StationCounters
    forgotten: StationCounters
