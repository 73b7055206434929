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

"""From matches and counters to the FusionStatus message."""

from __future__ import annotations

from collections.abc import Mapping

from rclpy.duration import Duration
from rclpy.time import Time
from std_msgs.msg import Header

from emiff_msgs.msg import FusionStatus, StationStatus
from emiff_ros.matching.counters import StationCounters
from emiff_ros.matching.results import Match, MatchState

_COUNTERS = ('received', 'fused', 'superseded', 'expired', 'refused', 'lost', 'duplicates')


def fusion_status_message(
    header: Header,
    matches: Mapping[str, Match],
    counters: Mapping[str, StationCounters],
    processing_time: float,
) -> FusionStatus:
    """Build the status of one result.

    Args:
        header: stamp of the vehicle's image, frame of the detections.
        matches: what each station contributed.
        counters: of each station, taken after the result; one that is forgotten by then is left
            out of the status.
        processing_time: from the arrival of the image to its result, seconds.
    """
    message = FusionStatus()
    message.header = header
    fused = any(match.state is MatchState.USED for match in matches.values())
    message.mode = FusionStatus.FUSED if fused else FusionStatus.VEHICLE_ONLY
    message.processing_time = processing_time
    message.stations = [
        _station_status(match, counters[name])
        for name, match in matches.items()
        if name in counters
    ]
    return message


def _station_status(match: Match, counters: StationCounters) -> StationStatus:
    entry = StationStatus()
    entry.station_id = match.station_id
    entry.state = int(match.state)
    entry.reason = match.reason
    if match.stamp is not None:
        entry.feature_stamp = Time(nanoseconds=match.stamp).to_msg()
        entry.age = Duration(nanoseconds=match.age).to_msg()
    for name in _COUNTERS:
        setattr(entry, name, getattr(counters, name))
    return entry
