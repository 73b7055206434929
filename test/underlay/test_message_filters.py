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

"""The stand-in for message_filters, over DDS; where ROS 2 is sourced this checks the real one."""

import time

from dds.open_node import open_node
from message_filters import SimpleFilter, Subscriber
import pytest
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import qos_profile_sensor_data
from std_msgs.msg import String


@pytest.fixture
def node():
    with open_node('message_filters_test') as made:
        made.executor_for_test = SingleThreadedExecutor(context=made.context)
        made.executor_for_test.add_node(made)
        yield made
        made.executor_for_test.shutdown()


def spin_until(node, condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, 'timed out'
        node.executor_for_test.spin_once(timeout_sec=0.1)


def test_callbacks_get_the_messages_and_their_own_arguments():
    calls = []
    source = SimpleFilter()
    first = source.registerCallback(lambda *args: calls.append(args), 'a', 1)
    second = source.registerCallback(lambda *args: calls.append(args))
    source.signalMessage('x', 'y')
    assert first != second
    assert calls == [('x', 'y', 'a', 1), ('x', 'y')]


def test_subscriber_receives_over_dds(node):
    subscriber = Subscriber(node, String, 'words')
    received = []
    subscriber.registerCallback(lambda message, source: received.append((message.data, source)), 1)
    publisher = node.create_publisher(String, 'words', 10)
    spin_until(node, lambda: publisher.get_subscription_count() == 1)
    for word in ('first', 'second'):
        publisher.publish(String(data=word))
    spin_until(node, lambda: len(received) == 2)
    assert received == [('first', 1), ('second', 1)]


def test_subscriber_passes_arguments_on(node):
    subscriber = Subscriber(node, String, 'words', qos_profile=qos_profile_sensor_data)
    assert subscriber.getTopic() == 'words'
    assert subscriber.topic_name == '/words'
    assert subscriber.qos_profile.reliability == qos_profile_sensor_data.reliability
    assert Subscriber(node, String, 'more').qos_profile.depth == 10
    with pytest.raises(AttributeError):
        _ = subscriber.no_such_attribute
