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

import os
import time

from message_filters import Cache, SimpleFilter, Subscriber
import pytest
import rclpy
from rclpy.clock import ClockType
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import qos_profile_sensor_data
from rclpy.time import Time
from sensor_msgs.msg import Temperature
from std_msgs.msg import Header, String

DOMAIN = 71


@pytest.fixture
def node():
    os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=DOMAIN)
    made = rclpy.create_node('message_filters_test', context=context)
    made.executor_for_test = SingleThreadedExecutor(context=context)
    made.executor_for_test.add_node(made)
    yield made
    made.executor_for_test.shutdown()
    made.destroy_node()
    context.try_shutdown()


def spin_until(node, condition, seconds=20.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, 'timed out'
        node.executor_for_test.spin_once(timeout_sec=0.1)


def at(seconds, nanoseconds=0):
    return Time(seconds=seconds, nanoseconds=nanoseconds, clock_type=ClockType.ROS_TIME)


def measurement(seconds):
    message = Temperature(temperature=float(seconds))
    message.header = Header(stamp=at(seconds).to_msg())
    return message


def cache_of(*seconds, size=10):
    source = SimpleFilter()
    cache = Cache(source, size)
    for second in seconds:
        source.signalMessage(measurement(second))
    return cache


def values(messages):
    return [message.temperature for message in messages]


def test_callbacks_get_the_messages_and_their_own_arguments():
    calls = []
    source = SimpleFilter()
    first = source.registerCallback(lambda *args: calls.append(args), 'a', 1)
    second = source.registerCallback(lambda *args: calls.append(args))
    source.signalMessage('x', 'y')
    assert first != second
    assert calls == [('x', 'y', 'a', 1), ('x', 'y')]


def test_subscriber_and_cache_receive_over_dds(node):
    subscriber = Subscriber(node, Temperature, 'measured')
    cache = Cache(subscriber, 3)
    received = []
    cache.registerCallback(received.append)
    publisher = node.create_publisher(Temperature, 'measured', 10)
    spin_until(node, lambda: publisher.get_subscription_count() == 1)
    for second in range(1, 6):
        publisher.publish(measurement(second))
    spin_until(node, lambda: len(received) == 5)
    assert values(received) == [1, 2, 3, 4, 5]
    assert values(cache.getInterval(at(0), at(9))) == [3, 4, 5]


def test_subscriber_passes_arguments_on(node):
    subscriber = Subscriber(node, String, 'words', qos_profile=qos_profile_sensor_data)
    assert subscriber.getTopic() == 'words'
    assert subscriber.topic_name == '/words'
    assert subscriber.qos_profile.reliability == qos_profile_sensor_data.reliability
    assert Subscriber(node, String, 'more').qos_profile.depth == 10
    with pytest.raises(AttributeError):
        _ = subscriber.no_such_attribute


def test_cache_answers_by_time():
    cache = cache_of(1, 2, 3, 4)
    assert values(cache.getInterval(at(2), at(3))) == [2, 3]
    assert cache.getElemAfterTime(at(2, nanoseconds=1)).temperature == 3
    assert cache.getElemAfterTime(at(2)).temperature == 2
    assert cache.getElemBeforeTime(at(2, nanoseconds=1)).temperature == 2
    assert cache.getElemBeforeTime(at(1)).temperature == 1
    assert cache.getElemAfterTime(at(5)) is None
    assert cache.getElemBeforeTime(at(0)) is None
    assert cache.getOldestTime().nanoseconds == 10**9
    assert cache.getLastestTime().nanoseconds == 4 * 10**9
    assert cache.getLast().temperature == 4


def test_cache_forgets_the_first_arrival():
    cache = cache_of(1, 2, 3, size=2)
    assert cache.getOldestTime().nanoseconds == 2 * 10**9


def test_empty_cache():
    cache = cache_of()
    assert cache.getLast() is None
    assert cache.getOldestTime() is None
    assert cache.getLastestTime() is None


def test_interval_that_ends_before_it_begins():
    with pytest.raises((ValueError, AssertionError)):
        cache_of(1).getInterval(at(2), at(1))


@pytest.mark.parametrize(('allowed', 'count'), [(False, 0), (True, 1)])
def test_messages_without_header(allowed, count):
    source = SimpleFilter()
    cache = Cache(source, 5, allow_headerless=allowed)
    passed_on = []
    cache.registerCallback(passed_on.append)
    source.signalMessage(String(data='x'))
    assert len(passed_on) == count
    assert (cache.getLast() is not None) == allowed
