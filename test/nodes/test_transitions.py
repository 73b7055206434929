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

"""Transitions that fail say why and leave nothing behind; those that succeed undo each other."""

import threading
import time

import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from sensor_msgs.msg import CompressedImage

from emiff_ros.nodes.diagnostics import ERROR, OK, WARN
from emiff_ros.nodes.infrastructure_node import InfrastructureNode
from emiff_ros.nodes.lossy_link_node import LossyLinkNode
from emiff_ros.nodes.managed_node import ReceivedImage, Result
from emiff_ros.nodes.refusal import Refusal
from emiff_ros.nodes.vehicle_node import VehicleNode

SUCCESS, FAILURE = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.FAILURE
NODES = {
    'vehicle_node': (VehicleNode, 'input/image', 'debug/image'),
    'infrastructure_node': (InfrastructureNode, 'input/image', 'output/features'),
    'lossy_link_node': (LossyLinkNode, 'input', 'output'),
}
"""For each node its class, the input that it opens last and an output that it opens late."""


@pytest.fixture
def make(tiny_model, in_process):
    """Return a function that makes a node in this process, with an error log in memory."""

    def make_node(name, **parameters):
        if name != 'lossy_link_node':
            parameters |= {'model': tiny_model, 'device': 'cpu', 'threads': 1}
        if name == 'vehicle_node':
            parameters['feature_topics'] = '[~/input/features]'
        node = in_process(NODES[name][0], **parameters)
        node.errors = []
        node.get_logger().error = node.errors.append
        return node

    return make_node


def open_parts(node):
    """Return what a transition may create: topics, managed entities, reports and threads."""
    return (
        sorted(item.topic_name for item in (*node.publishers, *node.subscriptions)),
        len(node._managed_entities),
        sum(
            thread.name.startswith((node.get_name(), 'lossy link'))
            for thread in threading.enumerate()
        ),
    )


def network_of(node):
    """Return level and message of the report of its network."""
    report = node.health._network_status()
    return report.level, report.message


def typo(name, topic, kind, value='nonsense', policy='reliability'):
    return {f'qos_overrides./{name}/{topic}.{kind}.{policy}': value}


@pytest.mark.parametrize('name', NODES)
@pytest.mark.parametrize(
    ('value', 'policy', 'reason'),
    [('nonsense', 'reliability', 'nonsense'), ('seven', 'depth', 'INTEGER')],
)
def test_an_output_that_cannot_be_opened(make, name, value, policy, reason):
    topic = NODES[name][2]
    node = make(name, **typo(name, topic, 'publisher', value, policy))
    before = open_parts(node)
    assert node.trigger_configure() == FAILURE
    (error,) = node.errors
    assert error.startswith('cannot configure: ')
    assert topic in error
    assert reason in error
    assert open_parts(node) == before
    if name != 'lossy_link_node':
        assert network_of(node) == (ERROR, error)


@pytest.mark.parametrize('name', NODES)
def test_an_input_that_cannot_be_opened(make, name):
    topic = NODES[name][1]
    node = make(name, **typo(name, topic, 'subscription'))
    assert node.trigger_configure() == SUCCESS
    before = open_parts(node)
    assert node.trigger_activate() == FAILURE
    (error,) = node.errors
    assert error.startswith('cannot activate: ')
    assert topic in error
    assert open_parts(node) == before
    assert node.trigger_activate() == FAILURE
    assert open_parts(node) == before


def test_pictures_that_cannot_be_drawn_cost_no_result(make):
    def fail():
        raise RuntimeError('no font')

    node = make('vehicle_node')
    assert node.trigger_configure() == SUCCESS
    warnings = []
    node.get_logger().warning = warnings.append
    node.finish = lambda *_: Result({}, fail)
    image = CompressedImage()
    image.header.stamp.sec = 5
    node._finish(ReceivedImage(image, time.monotonic()), None)
    assert node.images.snapshot()['published'] == 1
    assert warnings == ['debug pictures: RuntimeError: no font [not_drawn]']


@pytest.mark.parametrize('name', ['vehicle_node', 'infrastructure_node'])
def test_a_network_that_does_not_fit_in_memory(make, name, monkeypatch):
    node = make(name)
    before = open_parts(node)
    message = 'CUDA out of memory. Tried to allocate 2.00 GiB'

    def run_out():
        raise RuntimeError(message)

    monkeypatch.setattr(node, 'run_once', run_out)
    assert node.trigger_configure() == FAILURE
    assert node.errors == [f'cannot configure: RuntimeError: {message}']
    assert network_of(node) == (ERROR, node.errors[0])
    assert open_parts(node) == before
    monkeypatch.undo()
    assert node.trigger_configure() == SUCCESS


@pytest.mark.parametrize('name', NODES)
def test_up_and_down_again_leaves_nothing(make, name):
    node = make(name)
    before = open_parts(node)
    for _ in range(2):
        assert node.trigger_configure() == SUCCESS
        assert node.trigger_activate() == SUCCESS
        assert node.trigger_deactivate() == SUCCESS
        assert node.trigger_cleanup() == SUCCESS
        assert open_parts(node) == before


@pytest.mark.parametrize('name', ['vehicle_node', 'infrastructure_node'])
def test_a_transition_that_raises_leaves_nothing_behind(make, name, monkeypatch):
    node = make(name)
    before = open_parts(node)
    assert node.trigger_configure() == SUCCESS
    assert node.trigger_activate() == SUCCESS

    def fail():
        monkeypatch.undo()
        raise RuntimeError('no')

    monkeypatch.setattr(node.inputs, 'destroy', fail)
    assert node.trigger_deactivate() == TransitionCallbackReturn.ERROR
    assert open_parts(node) == before
    assert node.trigger_configure() == SUCCESS
    assert node.trigger_activate() == SUCCESS


def test_the_same_cause_of_two_inputs_is_logged_for_both(make):
    node = make('vehicle_node')
    warnings = []
    node.get_logger().warning = warnings.append
    for prefix in ('image refused: ', 'feature refused: ') * 2:
        node.warn(Refusal('zero_stamp', 'no stamp'), prefix)
    assert warnings == [
        'image refused: no stamp [zero_stamp]',
        'feature refused: no stamp [zero_stamp]',
    ]


@pytest.mark.parametrize('fails', [False, True])
def test_stations_are_not_missed_while_nobody_listens(make, fails):
    topic = NODES['vehicle_node'][1]
    given = typo('vehicle_node', topic, 'subscription') if fails else {}
    node = make('vehicle_node', **given)
    assert node.trigger_configure() == SUCCESS
    assert node.trigger_activate() == (FAILURE if fails else SUCCESS)
    if not fails:
        assert node._stations.statuses()['stations'].level == WARN
        assert node.trigger_deactivate() == SUCCESS
    assert node._stations.statuses()['stations'].level == OK
