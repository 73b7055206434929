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

"""The executor of this package's nodes, with and without the one that is told of events."""

import sys
import threading

from dds.open_node import open_context
import pytest
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from emiff_ros.executor import make_executor, spin


@pytest.fixture
def context():
    with open_context() as made:
        yield made


def calls_a_timer(executor, context) -> bool:
    node = Node('with_a_timer', context=context)
    calls = []
    node.create_timer(0.001, lambda: calls.append(True))
    executor.add_node(node)
    executor.spin_once(timeout_sec=10.0)
    executor.shutdown()
    node.destroy_node()
    return bool(calls)


def test_runs_callbacks_of_another_context(context):
    assert calls_a_timer(make_executor(context), context)


def test_an_older_rclpy_gets_the_executor_that_it_has(context, monkeypatch):
    monkeypatch.setitem(sys.modules, 'rclpy.experimental.events_executor', None)
    executor = make_executor(context)
    assert isinstance(executor, SingleThreadedExecutor)
    assert calls_a_timer(executor, context)


def test_spins_at_rest_while_another_thread_creates_entities(context):
    node = Node('spun', context=context)
    thread = threading.Thread(target=spin, args=(node,))
    thread.start()
    called = threading.Event()
    node.create_timer(0.001, called.set)
    assert called.wait(10.0)
    context.shutdown()
    thread.join(10.0)
    assert not thread.is_alive()
    node.destroy_node()


def test_spins_until_it_is_told_to_stop(context):
    node = Node('spun', context=context)
    stopping = threading.Event()
    calls = []

    def stop():
        calls.append(True)
        stopping.set()

    node.create_timer(0.001, stop)
    spin(node, stopping)
    assert calls
    assert context.ok()
    node.destroy_node()
