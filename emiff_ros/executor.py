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

"""The executor that spins nodes of this package."""

from __future__ import annotations

from contextlib import suppress
import threading

from rclpy.context import Context
from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

LATENCY = 0.2
"""Seconds that :func:`spin` waits at a time. An EventsExecutor that waits without a limit keeps a
core busy and a lock that other threads need to create a publisher, a subscription or a client."""


def make_executor(context: Context | None = None) -> Executor:
    """Return the executor that is told of events, where this rclpy has it.

    The other one asks all of the nodes' entities after each message, in Python, while everything
    else waits for the interpreter.

    Args:
        context: of the nodes; by default the process's own.
    """
    try:
        from rclpy.experimental.events_executor import EventsExecutor
    except ImportError:
        return SingleThreadedExecutor(context=context)
    return EventsExecutor(context=context)


def spin(node: Node, stopping: threading.Event | None = None) -> None:
    """Run a node's callbacks until its context is shut down.

    Args:
        node: whose context is not shut down yet.
        stopping: ends the spinning, too, ``LATENCY`` after it was set at the latest.
    """
    stopping = stopping or threading.Event()
    executor = make_executor(node.context)
    executor.add_node(node)
    try:
        with suppress(ExternalShutdownException):
            while node.context.ok() and not stopping.is_set():
                executor.spin_once(timeout_sec=LATENCY)
    finally:
        executor.remove_node(node)
        executor.shutdown()
