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

"""Which roadside offset is in force at each roadside frame.

``system_error_offset`` belongs to a pair: it is the correction of the roadside pose in the map
that fits that pair. Roadside frames outside pairs, and pairs whose offset is empty, keep the last
one known of the same station.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from emiff_ros.dair.calibration import Offset
from emiff_ros.dair.frames import NO_OFFSET, InfrastructureFrame

PAIR = 'pair'
LAST_KNOWN = 'last_known'
UNKNOWN = 'unknown'


@dataclass(frozen=True)
class RoadsideOffset:
    """The offset in force at one roadside frame.

    Attributes:
        offset: (dx, dy) in metres, added to the map translation of the virtual LiDAR.
        source: ``pair`` (listed with a pair of this frame), ``last_known`` (carried over from an
            earlier frame of the station) or ``unknown`` (none known yet: zero).
    """

    offset: Offset
    source: str


def offsets_in_force(
    frames: Iterable[InfrastructureFrame],
    listed: Iterable[tuple[str, Offset | None]],
) -> dict[str, RoadsideOffset]:
    """Work out the offset in force at each roadside frame.

    Args:
        frames: all roadside frames, in any order.
        listed: (roadside frame id, the pair's offset or None), in the order of the pairs. Of
            several offsets of one frame the first is in force.

    Returns:
        The offsets by roadside frame id.
    """
    of_frame: dict[str, Offset] = {}
    for frame_id, offset in listed:
        if offset is not None:
            of_frame.setdefault(frame_id, offset)
    by_frame = {}
    known: dict[str, Offset] = {}
    for frame in sorted(frames, key=lambda frame: frame.image_stamp):
        if frame.frame_id in of_frame:
            known[frame.station_id] = of_frame[frame.frame_id]
            source = PAIR
        else:
            source = LAST_KNOWN if frame.station_id in known else UNKNOWN
        by_frame[frame.frame_id] = RoadsideOffset(known.get(frame.station_id, NO_OFFSET), source)
    return by_frame
