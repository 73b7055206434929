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

"""Writes topics to a rosbag2 (MCAP) as they arrive, for machines without ``ros2 bag record``.

Messages stay serialised: what arrived is what is written, byte for byte.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
import time
from typing import Literal

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.topic_endpoint_info import TopicEndpointInfo
from rosbags.interfaces import Connection
from rosbags.rosbag2 import StoragePlugin, Writer

from emiff_ros.bags.errors import BagError, MissingDefinitionError
from emiff_ros.bags.message_types import add_type_and_parts, make_typestore
from emiff_ros.bags.player_topics import message_class
from emiff_ros.bags.qos import bag_qos
from emiff_ros.topic_names import check_topic_name

DEPTH = 100
"""Messages of one topic that wait at most to be written."""

WAITING = 1000
"""Messages that wait at most for a simulated time to begin; the oldest ones give way."""

SEARCH_PERIOD = 0.1
"""Seconds between two looks at the graph for topics that were not there yet."""


class BagRecorder:
    """Subscribes to topics as soon as somebody publishes them and writes what arrives.

    The log time is the node's clock at the arrival, so that with ``use_sim_time`` a recording of
    a replay has the time of the replayed bag; what arrives before that time begins gets its first
    moment, or the system's time if none has begun by the end. The node must be spun; use it as a
    context manager.

    Attributes:
        messages: number of messages by topic.
        dropped: number of messages that gave way to later ones before the simulated time began.
        skipped: reason by topic for each one that cannot be recorded.
    """

    def __init__(
        self,
        node: Node,
        path: Path | str,
        topics: Iterable[str],
        metadata_version: Literal[8, 9] = 9,
    ) -> None:
        """Create the bag and begin to look for the topics.

        Args:
            node: owns the subscriptions.
            path: folder of the bag; must not exist.
            topics: names; a relative one is resolved as those of the node's own topics.
            metadata_version: 9 for ROS 2 Jazzy and later, 8 for Humble and Iron.

        Raises:
            ValueError: for no topics, or one that is no name.
            BagError: if the path exists.
        """
        self._node = node
        topics = list(topics)
        if not topics:
            raise ValueError('no topics to record; name at least one')
        for topic in topics:
            check_topic_name(topic)
        self._missing = list(dict.fromkeys(map(node.resolve_topic_name, topics)))
        if Path(path).exists():
            raise BagError(path, 'exists already', 'choose another path')
        self.messages: Counter[str] = Counter()
        self.dropped = 0
        self.skipped: dict[str, str] = {}
        self._typestore = make_typestore()
        self._writer = Writer(
            Path(path), version=metadata_version, storage_plugin=StoragePlugin.MCAP
        )
        self._writer.open()
        self._writing = Lock()
        self._waiting: deque[tuple[Connection, bytes]] = deque(maxlen=WAITING)
        self._open = True
        self._subscriptions = []
        self._timer = node.create_timer(
            SEARCH_PERIOD, self._search, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )

    @property
    def missing(self) -> list[str]:
        """Topics that nobody has published so far."""
        return list(self._missing)

    @property
    def waiting(self) -> int:
        """Number of messages that wait for the simulated time to begin."""
        return len(self._waiting)

    def close(self) -> None:
        """Stop recording and finish the bag."""
        self._node.destroy_timer(self._timer)
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions.clear()
        with self._writing:
            self._open = False
            self._write_waiting(self._node.get_clock().now().nanoseconds or time.time_ns())
            self._writer.close()

    def __enter__(self) -> BagRecorder:
        """Record until the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Finish the bag."""
        self.close()

    def _search(self) -> None:
        for topic in self.missing:
            publishers = self._node.get_publishers_info_by_topic(topic)
            if not publishers:
                continue
            self._missing.remove(topic)
            type_name = publishers[0].topic_type
            try:
                self._subscribe(topic, type_name, publishers)
            except (AttributeError, ModuleNotFoundError, MissingDefinitionError) as error:
                self.skipped[topic] = f'{type_name} is not installed ({error})'
            except BagError as error:
                self.skipped[topic] = str(error)
        if not self._missing:
            self._timer.cancel()

    def _subscribe(
        self, topic: str, type_name: str, publishers: Iterable[TopicEndpointInfo]
    ) -> None:
        add_type_and_parts(self._typestore, type_name)
        qos = matching_profile(publishers)
        transient = qos.durability == DurabilityPolicy.TRANSIENT_LOCAL
        connection = self._writer.add_connection(
            topic,
            type_name,
            typestore=self._typestore,
            offered_qos_profiles=[bag_qos(transient_local=transient)],
        )

        def write(data: bytes) -> None:
            self._write(connection, data)

        self._subscriptions.append(
            self._node.create_subscription(message_class(type_name), topic, write, qos, raw=True)
        )

    def _write(self, connection: Connection, data: bytes) -> None:
        with self._writing:
            if not self._open:
                return
            self.dropped += len(self._waiting) == self._waiting.maxlen
            self._waiting.append((connection, data))
            now = self._node.get_clock().now().nanoseconds
            if now > 0:  # a bag that begins in 1970 would be played for decades
                self._write_waiting(now)

    def _write_waiting(self, now: int) -> None:
        while self._waiting:
            connection, data = self._waiting.popleft()
            self._writer.write(connection, now, data)
            self.messages[connection.topic] += 1


def matching_profile(publishers: Iterable[TopicEndpointInfo]) -> QoSProfile:
    """Return a profile that every one of the publishers matches."""
    offered = [publisher.qos_profile for publisher in publishers]
    reliable = all(qos.reliability == ReliabilityPolicy.RELIABLE for qos in offered)
    transient = all(qos.durability == DurabilityPolicy.TRANSIENT_LOCAL for qos in offered)
    return QoSProfile(
        depth=DEPTH,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if transient else DurabilityPolicy.VOLATILE,
    )
