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

"""A vehicle fuses every station that fits, and reports each by its name."""

from dataclasses import replace

from nodes.test_refusals import feature
from nodes.world import camera_from, wait_for
import numpy as np
from rclpy.qos import QoSProfile

from emiff_msgs.msg import FeatureTensor, FusionStatus, StationStatus
from emiff_ros.model.weights import load_vehicle_model
from emiff_ros.transport.codec import encode_feature
from emiff_ros.transport.feature_message import header_from_message, serialize_feature

POSITIONS = {'north': (1050.0, 2008.0, 26.0), 'south': (1045.0, 1990.0, 27.0)}
TOPICS = {name: f'/{name}/features' for name in POSITIONS}


def test_two_stations_on_two_topics(world, start, tiny_model):
    topics = list(TOPICS.values())
    vehicle = start('vehicle', feature_topics=topics).description.fully_qualified_name
    fingerprint = bytes.fromhex(load_vehicle_model(tiny_model).fingerprint)
    publishers = {
        name: world.node.create_publisher(FeatureTensor, topic, QoSProfile(depth=10))
        for name, topic in TOPICS.items()
    }
    wait_for(lambda: all(p.get_subscription_count() for p in publishers.values()), 20)

    def publish(name, sequence):
        template = header_from_message(feature(world, fingerprint))
        header = replace(
            template,
            station_id=name,
            sequence=sequence,
            camera_from_map=camera_from(POSITIONS[name], np.pi, 0.2),
        )
        tensor = np.random.default_rng(sequence).random((1, 12, 20), np.float32)
        publishers[name].publish(serialize_feature(header, encode_feature(tensor, 'int8', 'rans')))

    def both_used(sequence):
        for name in POSITIONS:
            publish(name, sequence)
        status = world.result(world.publish_vehicle())
        states = {station.station_id: station.state for station in status.stations}
        return status.mode == FusionStatus.FUSED and states == dict.fromkeys(
            POSITIONS, StationStatus.USED
        )

    sequences = iter(range(1000))
    wait_for(lambda: both_used(next(sequences)), 60)

    # One station falls silent: the other one is still used, and both are reported.
    def north_alone():
        publish('north', next(sequences))
        status = world.result(world.publish_vehicle())
        states = {station.station_id: station.state for station in status.stations}
        return states == {'north': StationStatus.USED, 'south': StationStatus.STALE}

    wait_for(north_alone, 60)
    counts = world.listener.diagnostics(vehicle, 'stations')
    assert int(counts['received']) == sum(
        int(counts[name]) for name in ('fused', 'superseded', 'expired', 'refused', 'cached')
    )
