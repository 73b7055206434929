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

"""Collects what the suite publishes during a replay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
import threading
import time

from diagnostic_msgs.msg import DiagnosticArray
import numpy as np
from numpy.typing import NDArray
from rclpy.context import Context
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message
from vision_msgs.msg import Detection3DArray

from emiff_msgs.msg import FeatureTensor, FusionStatus
from emiff_ros.stamps import nanoseconds_of
from emiff_ros.transport.cdr import stamp_of
from emiff_ros.transport.detection_message import boxes_from_message

_DEPTH = 200


@dataclass(frozen=True)
class Detections:
    """Boxes of one vehicle image.

    Attributes:
        boxes: ``[N, 7]`` in the vehicle frame.
        scores: ``[N]``.
    """

    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]


@dataclass(frozen=True)
class FeatureSize:
    """Bytes of one feature message: the payload alone, and the whole as serialised (CDR)."""

    payload: int
    message: int


class ReceivedDetections(Mapping[int, Detections]):
    """Detections by stamp, read when they are asked for: during a replay nodes need the cores."""

    def __init__(self) -> None:
        """Begin empty."""
        self._messages: dict[int, bytes] = {}

    def add(self, message: bytes) -> None:
        """Keep a serialised Detection3DArray."""
        self._messages[stamp_of(message)] = message

    def __getitem__(self, stamp: int) -> Detections:
        """Read the message of a stamp."""
        message = deserialize_message(self._messages[stamp], Detection3DArray)
        boxes, scores, _ = boxes_from_message(message)
        return Detections(boxes, scores)

    def __iter__(self) -> Iterator[int]:
        """Iterate over the stamps that are there now."""
        return iter(list(self._messages))

    def __len__(self) -> int:
        """Return the number of messages."""
        return len(self._messages)

    def __contains__(self, stamp: object) -> bool:
        """Tell whether there is a message of that stamp, without reading it."""
        return stamp in self._messages


class ResultListener(Node):
    """Keeps all results by the stamp (nanoseconds) of the vehicle's image.

    Attributes:
        detections: received Detection3DArrays.
        statuses: received FusionStatus messages.
        features: sizes of the FeatureTensors by the stamp of the roadside image.
    """

    def __init__(self, name: str = 'result_listener', context: Context | None = None) -> None:
        """Subscribe to the topics of :func:`emiff_ros.bringup.cooperative`."""
        super().__init__(name, context=context)
        self.detections = ReceivedDetections()
        self.statuses: dict[int, FusionStatus] = {}
        self.features: dict[int, FeatureSize] = {}
        self._diagnostics: dict[str, tuple[float, dict[str, str]]] = {}
        self._last_result = time.monotonic()
        self._changed = threading.Condition()
        reliable = QoSProfile(depth=_DEPTH)
        self.create_subscription(
            Detection3DArray, '/vehicle/detections', self._on_detections, reliable, raw=True
        )
        self.create_subscription(FusionStatus, '/vehicle/fusion_status', self._on_status, reliable)
        self.create_subscription(
            FeatureTensor, '/infrastructure/features', self._on_feature, reliable, raw=True
        )
        self.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, reliable)

    def _on_detections(self, message: bytes) -> None:
        with self._changed:
            self.detections.add(message)
            self._last_result = time.monotonic()
            self._changed.notify_all()

    def _on_status(self, message: FusionStatus) -> None:
        with self._changed:
            self.statuses[nanoseconds_of(message.header.stamp)] = message
            self._last_result = time.monotonic()
            self._changed.notify_all()

    def _on_feature(self, serialized: bytes) -> None:
        message = deserialize_message(serialized, FeatureTensor)
        with self._changed:
            stamp = nanoseconds_of(message.header.stamp)
            self.features[stamp] = FeatureSize(len(message.payload), len(serialized))
            self._changed.notify_all()

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        with self._changed:
            for entry in message.status:
                values = {item.key: item.value for item in entry.values}
                self._diagnostics[entry.name] = (time.monotonic(), values)
            self._changed.notify_all()

    def diagnostics(self, node: str, task: str, timeout: float = 5.0) -> dict[str, str]:
        """Return the values of a diagnostic task that is reported from now on.

        Args:
            node: fully qualified name of the node.
            task: name of the task.
            timeout: seconds to wait for it.

        Raises:
            TimeoutError: if no report arrives.
        """
        key, begin = f'{node}: {task}', time.monotonic()

        def reported() -> bool:
            return key in self._diagnostics and self._diagnostics[key][0] > begin

        with self._changed:
            if not self._changed.wait_for(reported, timeout):
                raise TimeoutError(f'no diagnostics from {key!r} within {timeout} s')
            return self._diagnostics[key][1]

    def wait_for_results(self, stamps: Iterable[int], quiet: float) -> set[int]:
        """Wait until every stamp has a result, or none has arrived for ``quiet`` seconds.

        Returns:
            The stamps that have no result.
        """
        wanted, begin = set(stamps), time.monotonic()
        with self._changed:
            while missing := wanted - (self.detections.keys() & self.statuses.keys()):
                remaining = max(self._last_result, begin) + quiet - time.monotonic()
                if remaining <= 0:
                    return missing
                self._changed.wait(remaining)
        return set()
