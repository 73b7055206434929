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

"""Contexts and nodes for tests, in a DDS domain that is the process's own."""

from contextlib import contextmanager
import threading

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor

from emiff_ros.demo.domain import isolated_domain


@contextmanager
def open_context():
    """Yield a context; processes that start inside the block are in its domain."""
    context = Context()
    with isolated_domain():
        rclpy.init(context=context)
        try:
            yield context
        finally:
            context.try_shutdown()


@contextmanager
def open_node(name):
    """Yield a node whose callbacks somebody else runs."""
    with open_context() as context:
        node = rclpy.create_node(name, context=context)
        try:
            yield node
        finally:
            node.destroy_node()


@contextmanager
def spun(*nodes):
    """Run the callbacks of nodes of one context on a thread inside the block."""
    executor = SingleThreadedExecutor(context=nodes[0].context)
    for node in nodes:
        executor.add_node(node)
    thread = threading.Thread(target=executor.spin, daemon=True)
    thread.start()
    try:
        yield
    finally:
        executor.shutdown()
        thread.join(5.0)
