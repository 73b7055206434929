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

"""Headers and times for the tests of the matching."""

from dataclasses import dataclass

from emiff_ros.stamps import MILLISECOND, SECOND

MS = MILLISECOND
START = 1_700_000_000 * SECOND


@dataclass(frozen=True)
class Header:
    """What the matching reads of a header."""

    stamp: int
    sequence: int = 0
    station_id: str = 'north'
    session_id: int = 1
    camera_position: tuple[float, float, float] | None = (0.0, 0.0, 7.0)


def at(milliseconds: float) -> int:
    """Return the stamp ``milliseconds`` after the start of the test's world."""
    return START + round(milliseconds * MS)


def drive(station, numbers, period=100, delay=30, **header):
    """Let features number ``numbers`` arrive, one per ``period`` ms and ``delay`` ms late."""
    return [
        station.add(
            Header(at(number * period), number, **header), number, at(number * period + delay)
        )
        for number in numbers
    ]
