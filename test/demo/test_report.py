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

"""What the report says of a frame, from made-up replays."""

from dair.dair_folder import write_dair_folder
import pytest
from rclpy.time import Time

from emiff_msgs.msg import FusionStatus, StationStatus
from emiff_ros.dair.reader import DairFolder
from emiff_ros.demo.listener import FeatureSize
from emiff_ros.demo.metrics import DriveResult
from emiff_ros.demo.replay import ReplayResult
from emiff_ros.demo.report import frame_records


@pytest.fixture
def pairs(tmp_path):
    return DairFolder(write_dair_folder(tmp_path)).pairs


def station(state, pair):
    stamp = Time(nanoseconds=pair.infrastructure.image_stamp).to_msg()
    return StationStatus(state=state, feature_stamp=stamp)


def payloads(pairs, stations):
    """Return what the report says of each pair; pair i's own feature has 100 + i bytes."""
    statuses = {
        pairs[index].vehicle.image_stamp: FusionStatus(stations=found)
        for index, found in stations.items()
    }
    features = {
        pair.infrastructure.image_stamp: FeatureSize(100 + index, 500)
        for index, pair in enumerate(pairs)
    }
    cooperative = ReplayResult({}, statuses, features, {}, {}, rate=0.0, speed=1.0)
    alone = ReplayResult({}, {}, {}, {}, {}, rate=0.0, speed=1.0)
    records = frame_records([DriveResult(pairs, cooperative, alone)])
    return [record.payload_bytes for record in records]


def test_the_payload_is_that_of_the_feature_that_was_fused(pairs):
    used, stale = StationStatus.USED, StationStatus.STALE
    stations = {
        0: [station(used, pairs[0])],
        1: [station(used, pairs[0])],
        2: [station(stale, pairs[2])],
    }
    assert payloads(pairs, stations) == [100, 100, None, None]


def test_payloads_of_several_stations_are_added_up(pairs):
    stations = {3: [station(StationStatus.USED, pairs[index]) for index in (1, 2)]}
    assert payloads(pairs, stations) == [None, None, None, 203]
