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

"""Hears features that come in pieces."""

from __future__ import annotations

from collections.abc import Callable
import time

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.serialization import deserialize_message

from emiff_msgs.msg import FeatureChunk, FeatureTensor
from emiff_ros.nodes.counter_window import CounterWindow
from emiff_ros.nodes.diagnostics import OK, WARN, status
from emiff_ros.nodes.managed_node import ManagedNode
from emiff_ros.nodes.refusal import Refusal
from emiff_ros.transport.chunk_assembler import ChunkAssembler
from emiff_ros.transport.chunk_message import chunk_from_message
from emiff_ros.transport.errors import TransportError

DEPTH = 200
"""Pieces that DDS keeps while the node is busy."""


class ChunkInput:
    """Subscribes to FeatureChunk topics and hands on whole FeatureTensors."""

    def __init__(self, node: ManagedNode, deliver: Callable[[FeatureTensor], None]) -> None:
        """Report the counters of ``node`` under ``chunks``."""
        self._node = node
        self._deliver = deliver
        self._assembler = ChunkAssembler()
        self._window = CounterWindow()
        node.health.reporter.add('chunks', self._status)

    def listen(self, topic: str) -> None:
        """Subscribe to one topic."""
        self._node.inputs.listen(FeatureChunk, topic, self._on_chunk, depth=DEPTH)

    def _on_chunk(self, message: FeatureChunk) -> None:
        try:
            whole = self._assembler.add(chunk_from_message(message), time.monotonic())
        except TransportError as error:
            raise Refusal(error.cause, f'piece refused: {error}') from error
        if whole is None:
            return
        try:
            feature = deserialize_message(whole, FeatureTensor)
        except Exception as error:  # rclpy raises what the RMW says
            raise Refusal('corrupt_chunks', f'pieces hold no FeatureTensor: {error}') from error
        self._deliver(feature)

    def _status(self) -> DiagnosticStatus:
        counts = self._assembler.counters()
        gain = self._window.update(counts)
        if gain['refused']:
            return status(WARN, f'pieces refused lately: {gain.causes()}', **counts)
        if gain['incomplete']:
            message = f'{gain["incomplete"]} features lately lost too many pieces'
            return status(WARN, message, **counts)
        return status(OK, f'{gain["finished"]} features put together lately', **counts)
