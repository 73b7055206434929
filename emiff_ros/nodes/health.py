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

"""The diagnostics that every node with a network has."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.lifecycle import LifecycleNode

from emiff_ros.nodes.counter_window import CounterWindow
from emiff_ros.nodes.counters import ImageCounters
from emiff_ros.nodes.diagnostics import ERROR, OK, WARN, DiagnosticsReporter, status
from emiff_ros.nodes.input_meter import InputMeter
from emiff_ros.nodes.memory import memory_status
from emiff_ros.nodes.processing_time import ProcessingBudget
from emiff_ros.nodes.qos import QosWatch

NO_NETWORK = WARN, 'no network is loaded: configure the node', {}
"""Level, message and values of the diagnostic of a network that is not there."""


class NodeHealth:
    """Reports network, images, inputs, processing time, memory and QoS of a node.

    Attributes:
        reporter: takes further tasks.
        qos: gives the QoS options of the node's topics.
    """

    def __init__(
        self, node: LifecycleNode, values: SimpleNamespace, images: ImageCounters
    ) -> None:
        """Start to report.

        Args:
            node: that is reported.
            values: its parameters as last accepted.
            images: its counters.
        """
        self._node = node
        self._values = values
        self._images = images
        self._gains = CounterWindow()
        self._budget = ProcessingBudget()
        self._meters: dict[str, InputMeter] = {}
        self._network: tuple[bytes, str, dict[str, object]] = NO_NETWORK
        self.qos = QosWatch(node)
        self.reporter = DiagnosticsReporter(node)
        self.reporter.add('network', self._network_status)
        self.reporter.add('images', self._image_status)
        self.reporter.add('processing time', self._time_status)
        self.reporter.add('memory', lambda: memory_status(values.memory_limit))
        self.reporter.add('qos', self.qos.status)
        self.reporter.add_group(self._input_statuses)

    def network_ready(self, **values: object) -> None:
        """Report a loaded network; ``values`` say which."""
        self._network = OK, 'the network is loaded', values

    def network_failed(self, reason: str) -> None:
        """Report that the network cannot be loaded."""
        self._network = ERROR, reason, {'model': self._values.model}

    def network_freed(self) -> None:
        """Report that there is no network."""
        self._network = NO_NETWORK

    def watch_input(
        self, topic: str, repeats: bool = True, needed: Callable[[], bool] = lambda: True
    ) -> InputMeter:
        """Report an input under the last part of its name from now on; see InputMeter."""
        meter = InputMeter(self._node.resolve_topic_name(topic), repeats, needed)
        self._meters[topic.rsplit('/', 1)[-1]] = meter
        return meter

    def forget_inputs(self) -> None:
        """Report no input any more."""
        self._meters.clear()

    def record_time(self, seconds: float) -> None:
        """Note how long a result took from the arrival of its image."""
        self._budget.record(seconds, self._values.processing_budget)

    def _network_status(self) -> DiagnosticStatus:
        level, message, values = self._network
        return status(level, message, **values)

    def _image_status(self) -> DiagnosticStatus:
        counts = self._images.snapshot()
        gain = self._gains.update(counts)
        if not gain['refused']:
            return status(OK, f'{gain["published"]} results lately', **counts)
        refused = f'refused lately: {gain.causes()}'
        if gain['published']:
            return status(WARN, f'{gain["refused"]} images {refused}', **counts)
        return status(ERROR, f'every image {refused}', **counts)

    def _time_status(self) -> DiagnosticStatus:
        values = self._values
        return self._budget.status(values.processing_budget, values.budget_persistence)

    def _input_statuses(self) -> dict[str, DiagnosticStatus]:
        return {
            f'input {name}': meter.status(self._values.input_timeout)
            for name, meter in self._meters.items()
        }
