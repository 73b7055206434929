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

"""Two vehicles and two stations at once: nobody hears what is not for him."""

from contextlib import ExitStack

from nodes.world import Camera, camera_from, wait_for
import numpy as np
import pytest
from rclpy.qos import QoSProfile
from rclpy.time import Time

from emiff_msgs.msg import FusionStatus
from emiff_ros import bringup
from emiff_ros.demo.processes import NodeProcess

STATIONS = ('pole_a', 'pole_b')
VEHICLES = ('car_a', 'car_b')


@pytest.fixture
def processes(world, tiny_model, tmp_path):
    """Start pole_a and pole_b, and car_a and car_b that each listen to one of them."""
    common = {'model': str(tiny_model), 'device': 'cpu', 'threads': 1}
    described = [bringup.infrastructure(name, station_id=name, **common) for name in STATIONS]
    described += [
        bringup.vehicle(name, {'input/features': f'/{station}/features'}, **common)
        for name, station in zip(VEHICLES, STATIONS, strict=True)
    ]
    with ExitStack() as stack:
        running = [
            stack.enter_context(NodeProcess(process, tmp_path / f'{process.namespace}.log'))
            for process in described
        ]
        for process in running:
            process.wait_until_active(world.listener)
        yield {process.description.namespace: process.description for process in running}


def owners(endpoints):
    return {item.node_namespace.strip('/') for item in endpoints}


def stamp_of(message):
    return Time.from_msg(message).nanoseconds


def test_no_topic_is_crossed(world, processes):
    statuses = {name: [] for name in VEHICLES}
    for name, heard in statuses.items():
        world.node.create_subscription(
            FusionStatus, f'/{name}/fusion_status', heard.append, QoSProfile(depth=50)
        )
    for name, process in processes.items():
        for source, target in process.remappings.items():
            topic = process.absolute(target)
            readers = world.node.get_subscriptions_info_by_topic
            writers = world.node.get_publishers_info_by_topic
            if source == '~/input/features':
                station = topic.split('/')[1]
                wait_for(lambda: owners(readers(topic)) == {name}, 20.0)  # noqa: B023
                assert owners(writers(topic)) == {station}
            elif source.startswith('~/input/'):
                wait_for(lambda: owners(readers(topic)) == {name}, 20.0)  # noqa: B023
            else:
                wait_for(lambda: owners(writers(topic)) == {name}, 20.0)  # noqa: B023

    pole = camera_from((1050.0, 2008.0, 26.0), np.pi, 0.2)
    cameras = {
        name: Camera(world.node, f'/{name}', f'{name}/optical', 'map', pole, 2)
        for name in STATIONS
    }
    cameras |= {
        name: Camera(
            world.node, f'/{name}', f'{name}/optical', 'vehicle', camera_from((0, 0, 0), 0, 0), 1
        )
        for name in VEHICLES
    }
    for camera in cameras.values():
        camera.wait_until_heard()

    published = {name: set() for name in cameras}

    def publish(name):
        now = world.now()
        published[name].add(now.nanoseconds)
        cameras[name].publish(now.to_msg())

    def stations_of(name):
        return {entry.station_id for status in statuses[name] for entry in status.stations}

    def everybody_answers():
        for name in cameras:
            publish(name)
        return wait_for(lambda: all(map(stations_of, VEHICLES)), 1.0, required=False)

    wait_for(everybody_answers, 60.0)
    for name, station in zip(VEHICLES, STATIONS, strict=True):
        assert stations_of(name) == {station}
        for status in statuses[name]:
            assert stamp_of(status.header.stamp) in published[name]
            for entry in status.stations:
                assert stamp_of(entry.feature_stamp) in published[station]
