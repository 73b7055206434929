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
from contextlib import suppress
import gc
from itertools import takewhile
import os
import shlex
import signal
import sys
import threading
import time

from lifecycle_msgs.srv import ChangeState
import rclpy
from rclpy.exceptions import ParameterException
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
from rclpy.logging import get_logger
from rclpy.signals import SignalHandlerOptions

from emiff_ros.executor import make_executor
from emiff_ros.nodes.managed_node import ManagedNode

SIGNAL_LATENCY = 0.2
"""Seconds after which a signal is noticed at the latest."""

STOP_LIMIT = 1.3
"""Seconds after a signal at which a process that has not come to an end is cut off."""

SWITCH_INTERVAL = 5e-4
"""Seconds after which a thread that computes in Python lets another one in (Python: 5 ms)."""

ERROR_PAUSE = 0.05
"""Seconds of rest after a callback has raised: one that always raises must not fill the CPU."""

ERROR_LOG_INTERVAL = 1.0
"""Seconds between two log lines about callbacks that raise."""


USAGE = """expected: --ros-args -p NAME:=VALUE --params-file FILE -r FROM:=TO -r __ns:=/NAMESPACE
NAME:=VALUE alone is for ros2 launch; the parameters are in docs/parameters"""


def run_node(make_node: Callable[[], ManagedNode], arguments: list[str]) -> int:
    """Create a node, bring it up if it starts by itself, and spin until it is told to stop.

    SIGINT and SIGTERM end the node through its shutdown transition, and the process without the
    teardown of the interpreter; what takes longer than ``STOP_LIMIT`` is cut off. What a callback
    raises is logged and the node lives on.

    Returns:
        The exit status of the process: 1 if the node cannot be created, configured or activated,
        2 for arguments before ``--ros-args``, where none has a meaning, or if ROS cannot read
        what follows or cannot start.
    """
    unknown = list(takewhile(lambda argument: argument != '--ros-args', arguments))
    if unknown:
        print(f'unknown arguments: {shlex.join(unknown)}\n{USAGE}', file=sys.stderr)
        return 2
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        rclpy.init(args=['node', *arguments], signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:  # rclpy's answer to arguments or a file that it cannot read
        print(f'{error}\n{USAGE}', file=sys.stderr)
        return 2
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
    except (ValueError, ParameterException) as error:  # of our parameters, and rclpy's own
        get_logger('emiff_ros').error(str(error))
        rclpy.shutdown()
        return 1
    _answer_refused_transitions(node)
    executor = make_executor()
    executor.add_node(node)
    autostart = node.parameters.values.autostart
    ready = not autostart or _succeeds(node.trigger_configure)
    # What is there now stays: looking through it again for garbage would hold up a result, and
    # doing that once the node listens would hold up the clock.
    gc.collect()
    gc.freeze()
    if autostart and ready:
        ready = _succeeds(node.trigger_activate)
    while ready and not stopping.is_set():
        try:
            executor.spin_once(timeout_sec=SIGNAL_LATENCY)
        except Exception as error:  # a node must not die of one bad request
            node.get_logger().error(
                f'a callback failed, the node goes on: {type(error).__name__}: {error}',
                throttle_duration_sec=ERROR_LOG_INTERVAL,
            )
            time.sleep(ERROR_PAUSE)
    with suppress(RuntimeError):  # rclpy's answer if somebody has shut the node down already
        node.trigger_shutdown()
    executor.shutdown()
    take_down(node)
    rclpy.shutdown()
    result = 0 if ready else 1
    if stopping.is_set():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(result)  # a network in the middle of an image outlives no interpreter
    return result


def take_down(node: LifecycleNode) -> None:
    """Destroy a node and its part in the network.

    rclpy's lifecycle node keeps its state machine, and that the DDS participant. Its threads, cut
    off with the process, can leave a lock in shared memory behind for which other processes wait
    two seconds when they end.
    """
    node.destroy_node()
    node._state_machine = None


def _succeeds(transition: Callable[[], TransitionCallbackReturn]) -> bool:
    return transition() == TransitionCallbackReturn.SUCCESS


def _answer_refused_transitions(node: LifecycleNode) -> None:
    """Let who asks for a transition that the state does not allow hear that it failed.

    rclpy raises in the service's callback instead, and sends no answer.
    """
    for service in node.services:
        if service.srv_type is ChangeState:
            service.callback = _answering(node, service.callback)


def _answering(node: LifecycleNode, change_state: Callable) -> Callable:
    def call(request: ChangeState.Request, response: ChangeState.Response) -> ChangeState.Response:
        try:
            return change_state(request, response)
        except RuntimeError as error:
            asked = request.transition
            node.get_logger().warning(
                f'transition {asked.label or asked.id} refused: {error}; ask the service '
                'get_available_transitions what this state allows'
            )
            response.success = False
            return response

    return call
