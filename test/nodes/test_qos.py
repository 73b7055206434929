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

"""Every topic of every node takes the standard QoS override parameters."""

import pytest
import rclpy
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy

from emiff_ros.demo.domain import isolated_domain
from emiff_ros.nodes.infrastructure_node import InfrastructureNode
from emiff_ros.nodes.lossy_link_node import LossyLinkNode
from emiff_ros.nodes.vehicle_node import VehicleNode

NODES = {
    'vehicle_node': (VehicleNode, 'input/image', 'output/detections'),
    'infrastructure_node': (InfrastructureNode, 'input/camera_info', 'output/features'),
    'lossy_link_node': (LossyLinkNode, 'input', 'output'),
}
BUILT_IN = ('/rosout', '/parameter_events', '/clock', '/tf', '/tf_static')
"""Topics of rclpy and, where it is installed, of tf2_ros."""


@pytest.fixture(params=NODES)
def node(request, tiny_model):
    """Return an active node two of whose topics have other profiles, and those topics."""
    name = request.param
    make, heard, told = NODES[name]
    heard, told = f'/{name}/{heard}', f'/{name}/{told}'
    given = {
        f'qos_overrides.{heard}.subscription.reliability': 'reliable',
        f'qos_overrides.{heard}.subscription.depth': 7,
        f'qos_overrides.{told}.publisher.reliability': 'best_effort',
        f'qos_overrides.{told}.publisher.durability': 'transient_local',
        f'qos_overrides.{told}.publisher.deadline': 2_000_000_000,
    }
    if name != 'lossy_link_node':
        given |= {'model': tiny_model, 'device': 'cpu', 'threads': 1}
    arguments = [f'--param={key}:={value}' for key, value in given.items()]
    arguments = [part for item in arguments for part in item.split('=', 1)]
    with isolated_domain():
        rclpy.init(args=['node', '--ros-args', *arguments])
        made = make()
        try:
            assert made.trigger_configure() == TransitionCallbackReturn.SUCCESS
            assert made.trigger_activate() == TransitionCallbackReturn.SUCCESS
            yield made, heard, told
        finally:
            made.trigger_shutdown()
            made.destroy_node()
            rclpy.shutdown()


def topics_of(entities):
    return {
        entity.topic_name
        for entity in entities
        if entity.topic_name not in BUILT_IN and not entity.topic_name.endswith('transition_event')
    }


def test_every_topic_can_be_overridden(node):
    made, _, _ = node
    for kind, topics in (
        ('publisher', topics_of(made.publishers)),
        ('subscription', topics_of(made.subscriptions)),
    ):
        assert topics
        for topic in topics:
            for policy in ('history', 'depth', 'reliability', 'durability', 'deadline'):
                assert made.has_parameter(f'qos_overrides.{topic}.{kind}.{policy}'), (topic, kind)


def test_what_is_overridden_is_what_the_middleware_gets(node):
    made, heard, told = node
    (subscription,) = (item for item in made.subscriptions if item.topic_name == heard)
    assert subscription.qos_profile.depth == 7
    (reader,) = made.get_subscriptions_info_by_topic(heard)
    assert reader.qos_profile.reliability == ReliabilityPolicy.RELIABLE
    (writer,) = made.get_publishers_info_by_topic(told)
    assert writer.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    assert writer.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
    assert writer.qos_profile.deadline.nanoseconds == 2_000_000_000
