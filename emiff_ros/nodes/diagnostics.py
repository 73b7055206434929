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

"""Publishes the state of a node on /diagnostics once a second."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import QoSProfile

from emiff_ros.nodes.qos import OVERRIDING, naming

PERIOD = 1.0
"""Seconds between two reports, on the steady clock: a paused bag does not silence them."""

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR


def status(level: bytes, message: str, **values: object) -> DiagnosticStatus:
    """Build one status; ``values`` become its key-value pairs in order."""
    return DiagnosticStatus(
        level=level,
        message=message,
        values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
    )


class DiagnosticsReporter:
    """Asks its tasks for their state and publishes the answers.

    DiagnosticArray is published directly, since diagnostic_updater is not installed everywhere.
    """

    def __init__(self, node: LifecycleNode) -> None:
        """Start reporting for ``node``.

        Raises:
            ValueError: if the topic's QoS overrides cannot be used.
        """
        self._node = node
        self._tasks: dict[str, Callable[[], DiagnosticStatus]] = {}
        self._groups: list[Callable[[], Mapping[str, DiagnosticStatus]]] = []
        with naming('/diagnostics'):
            self._publisher = node.create_publisher(
                DiagnosticArray,
                '/diagnostics',
                QoSProfile(depth=10),
                qos_overriding_options=OVERRIDING,
            )
        node.create_timer(PERIOD, self.report, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def add(self, name: str, task: Callable[[], DiagnosticStatus]) -> None:
        """Add a task; it is called once per report and returns its state."""
        self._tasks[name] = task

    def add_group(self, task: Callable[[], Mapping[str, DiagnosticStatus]]) -> None:
        """Add a task that returns any number of states by name."""
        self._groups.append(task)

    def report(self) -> None:
        """Publish the state of all tasks now; a task that fails becomes an error of its own."""
        array = DiagnosticArray()
        array.header.stamp = self._node.get_clock().now().to_msg()
        full_name = self._node.get_fully_qualified_name()
        for name, entry in self._answers().items():
            entry.name = f'{full_name}: {name}'
            entry.hardware_id = full_name
            array.status.append(entry)
        self._publisher.publish(array)

    def _answers(self) -> dict[str, DiagnosticStatus]:
        answers = {}
        for name, task in self._tasks.items():
            try:
                answers[name] = task()
            except Exception as error:  # the other tasks are to be heard
                answers[name] = status(ERROR, f'{type(error).__name__}: {error}')
        for group in self._groups:
            try:
                answers.update(group())
            except Exception as error:  # likewise
                answers[group.__name__] = status(ERROR, f'{type(error).__name__}: {error}')
        return answers
