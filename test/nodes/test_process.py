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

"""A process ends soon after SIGINT, whatever it is doing, and not before."""

from pathlib import Path
import re
import signal
import subprocess
import sys
import time

from lifecycle_msgs.msg import Transition
from nodes.operator import Operator
from nodes.world import wait_for
import pytest
import rclpy

from emiff_ros.demo.domain import isolated_domain
from emiff_ros.nodes import process as node_process
from emiff_ros.nodes.lossy_link_node import LossyLinkNode

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


def middleware_threads():
    names = (task / 'comm' for task in Path('/proc/self/task').iterdir())
    return sum(name.read_text().startswith('dds.ev') for name in names)


def test_nothing_of_the_middleware_is_left_to_be_cut_off():
    before = middleware_threads()
    with isolated_domain():
        rclpy.init(args=[])
        try:
            node = LossyLinkNode()
            if middleware_threads() == before:
                pytest.skip('only the threads of Fast DDS are known')
            node_process.take_down(node)
        finally:
            rclpy.try_shutdown()
    assert middleware_threads() == before


def test_while_the_weights_are_loaded(start):
    process = start('vehicle', wait=False)
    wait_for(lambda: 'weights' in process.log_tail(), 180)
    assert seconds_to_end(process) < LIMIT
    assert 'Traceback' not in process.log_tail(100)


def test_while_it_waits(world, start):
    process = start('infrastructure')
    assert seconds_to_end(process) < LIMIT
    assert 'Traceback' not in process.log_tail(100)


def test_a_transition_that_the_state_does_not_allow_is_survived(world, start):
    process = start('infrastructure')
    operator = Operator(world, process.description.fully_qualified_name)
    assert not operator.change_state(Transition.TRANSITION_CONFIGURE)
    assert 'transition 1 refused' in process.log_tail(100)
    assert process.is_running
    stamp = world.publish_station()
    wait_for(lambda: stamp in world.listener.features, 20)
    assert operator.change_state(Transition.TRANSITION_DEACTIVATE)


ALWAYS_RAISES = """
from emiff_ros.nodes.lossy_link_node import LossyLinkNode
from emiff_ros.nodes.process import run_node

calls = []

def fail():
    calls.append(None)
    raise KeyError(f'call {len(calls)}')

def make():
    node = LossyLinkNode()
    node.create_timer(0.001, fail)
    return node

run_node(make, [])
"""


def test_a_callback_that_always_raises_is_survived_and_does_not_fill_the_log(tmp_path):
    log = tmp_path / 'log'

    def failures():
        return [int(number) for number in re.findall(r'call (\d+)', log.read_text())]

    with isolated_domain(), log.open('wb') as output:
        process = subprocess.Popen(
            [sys.executable, '-c', ALWAYS_RAISES], stdout=output, stderr=subprocess.STDOUT
        )
        try:
            wait_for(lambda: len(failures()) > 1, 60)
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        finally:
            process.kill()
    first, second = failures()[:2]
    assert second - first < 2 * node_process.ERROR_LOG_INTERVAL / node_process.ERROR_PAUSE
    assert 'the node goes on' in log.read_text()
    assert 'Traceback' not in log.read_text()


def test_after_a_shutdown_through_the_lifecycle(world, start):
    process = start('infrastructure')
    operator = Operator(world, process.description.fully_qualified_name)
    assert operator.change_state(Transition.TRANSITION_ACTIVE_SHUTDOWN)
    assert process.is_running
    assert seconds_to_end(process) < LIMIT
    assert 'Traceback' not in process.log_tail(100)
    assert process._process.returncode == 0


@pytest.mark.parametrize('argument', ['--help', 'model:=emiff_fast'])
def test_arguments_that_are_not_for_ros_are_refused(argument):
    started = subprocess.run(
        [sys.executable, '-m', 'emiff_ros', 'lossy_link_node', argument],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert started.returncode == 2
    assert f'unknown arguments: {argument}' in started.stderr
    assert '--ros-args -p NAME:=VALUE' in started.stderr


@pytest.mark.parametrize(
    'arguments', [('--params-file', 'none.yaml'), ('-p', 'model'), ('-r', '__ns:=/9'), ('--what',)]
)
def test_arguments_that_ros_cannot_read_are_explained(arguments):
    started = subprocess.run(
        [sys.executable, '-m', 'emiff_ros', 'lossy_link_node', '--ros-args', *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert started.returncode == 2
    assert arguments[-1] in started.stderr
    assert '--ros-args -p NAME:=VALUE' in started.stderr
    assert 'Traceback' not in started.stderr


@pytest.mark.parametrize(
    ('override', 'said'),
    [
        (
            'qos_overrides./diagnostics.publisher.reliability:=nonsense',
            '/diagnostics cannot be opened',
        ),
        ('use_sim_time:=1', "parameter 'use_sim_time' to '1' of type 'INTEGER'"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_explained(override, said):
    started = subprocess.run(
        [sys.executable, '-m', 'emiff_ros', 'lossy_link_node', '--ros-args', '-p', override],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert started.returncode == 1
    assert said in started.stderr
    assert 'Traceback' not in started.stderr
