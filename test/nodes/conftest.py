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

from nodes.world import open_world, save_tiny_model
import pytest
import rclpy

from emiff_ros import bringup
from emiff_ros.demo.domain import isolated_domain
from emiff_ros.demo.processes import NodeProcess


@pytest.fixture(scope='session')
def tiny_model(tmp_path_factory):
    return save_tiny_model(tmp_path_factory.mktemp('model') / 'tiny.safetensors')


@pytest.fixture
def world(request):
    with open_world() as opened:
        yield opened


@pytest.fixture
def start(world, tiny_model, tmp_path):
    """Start a node of the bringup table and wait until it is active."""
    running = []

    def start_node(side, wait=True, **parameters):
        describe = getattr(bringup, side)
        values = {'model': str(tiny_model), 'device': 'cpu', 'threads': 1, **parameters}
        process = NodeProcess(describe(**values), tmp_path / f'{side}.log')
        process.start()
        running.append(process)
        if wait:
            process.wait_until_active(world.listener)
            camera = world.vehicle if side == 'vehicle' else world.station
            source = 'calibration_source' if side == 'vehicle' else 'pose_source'
            camera.wait_until_heard(calibrated=parameters.get(source) != 'tf')
        return process

    yield start_node
    for process in running:
        process.stop()


@pytest.fixture
def in_process():
    """Return a function that makes a node of a class in this process, with parameters."""
    made = []

    def make_node(node_class, **parameters):
        given = [part for key, value in parameters.items() for part in ('-p', f'{key}:={value}')]
        rclpy.init(args=['node', '--ros-args', *given])
        made.append(node_class())
        return made[-1]

    with isolated_domain():
        yield make_node
        for node in made:
            node.trigger_shutdown()
            node.destroy_node()
        rclpy.try_shutdown()
