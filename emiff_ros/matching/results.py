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

"""What the matching answers."""

from dataclasses import dataclass
import enum
from typing import Any, Protocol


class StampedHeader(Protocol):
    """What the matching reads from a feature's header.

    Attributes:
        stamp: capture time, integer nanoseconds.
        station_id: name of the sender.
        session_id: drawn when the sender started.
        sequence: counts the messages of the session.
        camera_position: (x, y, z) in the map, metres, or None if unknown.
    """

    stamp: int
    station_id: str
    session_id: int
    sequence: int
    camera_position: tuple[float, float, float] | None


@dataclass(frozen=True)
class Accepted:
    """The feature went into the cache."""


@dataclass(frozen=True)
class Refused:
    """The feature was not cached.

    Attributes:
        cause: name under which it is counted; ``duplicate`` has a counter of its own.
        reason: one sentence for the log.
    """

    cause: str
    reason: str


class MatchState(enum.IntEnum):
    """How a station took part in a result; the values are those of emiff_msgs/StationStatus."""

    USED = 0
    NONE = 1
    STALE = 2
    FUTURE = 3
    REFUSED = 4
    OUT_OF_VIEW = 5


@dataclass(eq=False)
class CachedFeature:
    """A feature in a station's cache.

    Attributes:
        header: as received.
        payload: whatever the caller stored with it, such as the decoded tensor.
        outcome: what it counts as, None while it waits; written by its station alone.
        station: the station that counts it.
    """

    header: StampedHeader
    payload: Any
    outcome: str | None = None
    station: Any = None


@dataclass(frozen=True)
class Match:
    """One station's part in the result for a vehicle image.

    Attributes:
        station_id: name of the station.
        state: USED with a feature, or why there is none.
        feature: the chosen one, or None.
        stamp: of the chosen feature, or of the newest one that was not chosen; ns, or None.
        age: vehicle stamp minus ``stamp``, nanoseconds, or None.
        reason: one sentence on why the station is not used; empty for USED.
    """

    station_id: str
    state: MatchState
    feature: CachedFeature | None
    stamp: int | None
    age: int | None
    reason: str
