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

"""The process around one node: bring it up, spin it, end it in order."""

from __future__ import annotations

from collections.abc import Callable
import os
import signal
import sys
import threading

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.logging import get_logger
from rclpy.signals import SignalHandlerOptions

from emiff_ros.nodes.managed_node import ManagedNode
from emiff_ros.nodes.parameters import ParameterError

SIGNAL_LATENCY = 0.2
"""Seconds after which a signal is noticed at the latest."""

STOP_LIMIT = 1.3
"""Seconds after a signal at which a process that has not come to an end is cut off."""


def run_node(make_node: Callable[[], ManagedNode], arguments: list[str]) -> int:
    """Create a node, bring it up if it starts by itself, and spin until it is told to stop.

    SIGINT and SIGTERM end the node through its shutdown transition, and the process without the
    teardown of the interpreter; what takes longer than ``STOP_LIMIT`` is cut off.

    Returns:
        The exit status of the process: 1 if the node cannot be created, configured or activated.
    """
    rclpy.init(args=['node', *arguments], signal_handler_options=SignalHandlerOptions.NO)
    stopping = threading.Event()

    def stop(*_: object) -> None:
        if not stopping.is_set():
            stopping.set()
            guard = threading.Timer(STOP_LIMIT, os._exit, [0])
            guard.daemon = True
            guard.start()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        node = make_node()
    except ParameterError as error:
        get_logger('emiff_ros').error(str(error))
        rclpy.shutdown()
        return 1
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    ready = True
    if node.parameters.values.autostart:
        ready = all(
            transition() == TransitionCallbackReturn.SUCCESS
            for transition in (node.trigger_configure, node.trigger_activate)
        )
    while ready and not stopping.is_set():
        executor.spin_once(timeout_sec=SIGNAL_LATENCY)
    node.trigger_shutdown()
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown()
    result = 0 if ready else 1
    if stopping.is_set():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(result)  # a network in the middle of an image outlives no interpreter
    return result
