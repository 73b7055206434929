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

"""A process ends soon after SIGINT, whatever it is doing."""

import time

from nodes.world import wait_for
import pytest

from emiff_ros.nodes import process as node_process

# The limit of the process itself, and what a busy machine needs to start and see its end.
LIMIT = node_process.STOP_LIMIT + 1.5


def seconds_to_end(process):
    begin = time.monotonic()
    process.stop(timeout=60.0)
    return time.monotonic() - begin


@pytest.fixture
def busy_vehicle(world, start):
    """Start a vehicle whose worker waits for a calibration that does not come."""
    process = start('vehicle', calibration_timeout=10.0)
    world.vehicle.publish(world.now().to_msg(), without=('calibration',))
    name = process.description.fully_qualified_name
    wait_for(lambda: world.listener.diagnostics(name, 'images', 30.0)['received'] == '1', 30)
    return process


def test_in_the_middle_of_an_image(busy_vehicle):
    assert seconds_to_end(busy_vehicle) < LIMIT
    assert 'Traceback' not in busy_vehicle.log_tail(100)


def test_while_the_weights_are_loaded(start):
    process = start('vehicle', wait=False)
    wait_for(lambda: 'weights' in process.log_tail(), 180)
    assert seconds_to_end(process) < LIMIT
    assert 'Traceback' not in process.log_tail(100)


def test_while_it_waits(world, start):
    process = start('infrastructure')
    assert seconds_to_end(process) < LIMIT
    assert 'Traceback' not in process.log_tail(100)
