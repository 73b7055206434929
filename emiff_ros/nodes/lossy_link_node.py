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

"""A radio that is worse than the wire: passes features on late, damaged, twice or not at all."""

from __future__ import annotations

from collections.abc import Callable
import heapq
import itertools
import sys
import threading
import time

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.lifecycle import (
    LifecycleNode,
    LifecyclePublisher,
    LifecycleState,
    TransitionCallbackReturn,
)
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription

from emiff_msgs.msg import FeatureChunk, FeatureTensor
from emiff_ros.nodes.counter_window import CounterWindow
from emiff_ros.nodes.diagnostics import OK, WARN, DiagnosticsReporter, status
from emiff_ros.nodes.input_meter import InputMeter
from emiff_ros.nodes.outputs import NodeOutputs
from emiff_ros.nodes.parameters import NodeParameters, ParameterError
from emiff_ros.nodes.process import ERROR_LOG_INTERVAL, run_node
from emiff_ros.nodes.qos import QosWatch, naming
from emiff_ros.nodes.specifications import LOSSY_LINK
from emiff_ros.nodes.transitions import failure_of
from emiff_ros.transport.lossy_link import LinkConfig, LinkConfigError, LinkModel

MESSAGE_TYPES = {'FeatureTensor': FeatureTensor, 'FeatureChunk': FeatureChunk}
DEPTH = 100


class LossyLinkNode(LifecycleNode):
    """Takes serialised messages and publishes them as the link delivers them."""

    def __init__(self, name: str = 'lossy_link_node') -> None:
        """Declare parameters.

        Raises:
            ParameterError: for an unknown parameter, a bad value or a link that cannot be.
        """
        super().__init__(name)
        self.parameters = NodeParameters(self, LOSSY_LINK)
        values = self.parameters.values
        properties = {field: getattr(values, field) for field in LinkConfig.__dataclass_fields__}
        try:
            self._link = LinkModel(LinkConfig(**properties), values.seed)
        except LinkConfigError as error:
            raise ParameterError(str(error)) from error
        self._output: LifecyclePublisher | None = None
        self._deliverer: Deliverer | None = None
        self._input: Subscription | None = None
        self._meter: InputMeter | None = None
        self._window = CounterWindow()
        self._qos = QosWatch(self)
        self._outputs = NodeOutputs(self, self._qos)
        diagnostics = DiagnosticsReporter(self)
        diagnostics.add('link', self._status)
        diagnostics.add('qos', self._qos.status)
        diagnostics.add_group(self._input_status)

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Create the publisher; fails with the reason in the log."""
        if failure_of(self, 'configure', self._open_output, self._outputs.destroy):
            return TransitionCallbackReturn.FAILURE
        return super().on_configure(state)

    def _open_output(self) -> None:
        self._output = self._outputs.create(
            self._message_type, '~/output', QoSProfile(depth=DEPTH)
        )

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Begin to listen; fails with the reason in the log."""
        if failure_of(self, 'activate', self._listen, self._stop):
            return TransitionCallbackReturn.FAILURE
        return super().on_activate(state)

    def _on_failure(self, error: Exception) -> None:
        self.get_logger().error(
            f'a message was not handed on: {type(error).__name__}: {error}',
            throttle_duration_sec=ERROR_LOG_INTERVAL,
        )

    def _listen(self) -> None:
        self._deliverer = Deliverer(self._output.publish, self._on_failure)
        self._meter = InputMeter(self.resolve_topic_name('~/input'))
        profile = QoSProfile(depth=DEPTH, reliability=ReliabilityPolicy.BEST_EFFORT)
        with naming('~/input'):
            self._input = self.create_subscription(
                self._message_type,
                '~/input',
                callback=self._on_message,
                raw=True,
                **self._qos.subscription('~/input', profile),
            )

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop to listen; what is under way is gone."""
        self._stop()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Destroy the publisher."""
        self._outputs.destroy()
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop from any state."""
        self._stop()
        return super().on_shutdown(state)

    @property
    def _message_type(self) -> type:
        return MESSAGE_TYPES[self.parameters.values.message_type]

    def _stop(self) -> None:
        if self._input is not None:
            self.destroy_subscription(self._input)
            self._input = None
        self._meter = None
        if self._deliverer is not None:
            self._deliverer.stop()
            self._deliverer = None

    def _on_message(self, serialized: bytes) -> None:
        meter, deliverer = self._meter, self._deliverer
        if meter is None or deliverer is None:  # handed out after the deactivation
            return
        meter.tick()
        for delivery in self._link.send(len(serialized), time.monotonic()):
            message = serialized
            if delivery.flipped_bit is not None:
                message = damaged(serialized, delivery.flipped_bit)
            deliverer.schedule(delivery.time, message)

    def _status(self) -> DiagnosticStatus:
        """Warn of a link with too little bandwidth; its losses are what was asked for."""
        counts = dict(self._link.counts)
        gain = self._window.update(counts)
        if gain['dropped']:
            message = f'{gain["dropped"]} messages waited too long for the bandwidth lately'
            return status(WARN, message, **counts)
        return status(OK, f'{gain["delivered"]} of {gain["sent"]} delivered lately', **counts)

    def _input_status(self) -> dict[str, DiagnosticStatus]:
        if self._meter is None:
            return {}
        return {'input': self._meter.status(self.parameters.values.input_timeout)}


def damaged(serialized: bytes, number: int) -> bytes:
    """Flip one bit in the last quarter of a message, where its payload is."""
    position = len(serialized) - 1 - (number >> 3) % max(1, len(serialized) // 4)
    changed = bytearray(serialized)
    changed[position] ^= 1 << (number & 7)
    return bytes(changed)


class Deliverer:
    """Hands messages on at their time, on a thread of its own."""

    def __init__(
        self, deliver: Callable[[bytes], None], on_failure: Callable[[Exception], None]
    ) -> None:
        """Start the thread; it calls ``deliver`` with each message, and goes on if that raises."""
        self._deliver, self._on_failure = deliver, on_failure
        self._queue: list[tuple[float, int, bytes]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name='lossy link', daemon=True)
        self._thread.start()

    def schedule(self, moment: float, message: bytes) -> None:
        """Deliver ``message`` at ``moment`` of the steady clock, seconds."""
        with self._changed:
            heapq.heappush(self._queue, (moment, next(self._numbers), message))
            self._changed.notify()

    def stop(self) -> None:
        """End the thread and drop what is under way."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._stopping and not self._is_due():
                    wait = self._queue[0][0] - time.monotonic() if self._queue else None
                    self._changed.wait(wait)
                if self._stopping:
                    return
                message = heapq.heappop(self._queue)[2]
            try:
                self._deliver(message)
            except Exception as error:  # one message that DDS refuses must not end the link
                self._on_failure(error)

    def _is_due(self) -> bool:
        return bool(self._queue) and self._queue[0][0] <= time.monotonic()


def main(arguments: list[str] | None = None) -> int:
    """Run the node until it is told to stop."""
    return run_node(LossyLinkNode, sys.argv[1:] if arguments is None else arguments)
