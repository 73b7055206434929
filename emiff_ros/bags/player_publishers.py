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

"""The publishers of a replay: one for each topic of a bag that can be played, and /clock."""

from collections.abc import Iterable, Mapping
import logging
from pathlib import Path

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile
from rosbags.interfaces import Connection
from rosgraph_msgs.msg import Clock

from emiff_ros.bags.errors import BagError
from emiff_ros.bags.player_topics import message_class, publisher_qos, why_not_playable

CLOCK_TOPIC = '/clock'
CLOCK_TYPE = 'rosgraph_msgs/msg/Clock'

_logger = logging.getLogger(__name__)


class BagPublishers:
    """Publishers of a node by recorded topic.

    Attributes:
        skipped: reason by topic for each one that cannot be played.
    """

    def __init__(
        self,
        node: Node,
        path: Path | str,
        connections: Iterable[Connection],
        remappings: Mapping[str, str] | None = None,
        qos_overrides: Mapping[str, QoSProfile] | None = None,
        with_clock: bool = False,
    ) -> None:
        """Create the publishers.

        Args:
            node: owns them; it need not be spun.
            path: of the bag, for messages.
            connections: of the bag, those to play.
            remappings: recorded topic to the one to publish on.
            qos_overrides: profile by recorded topic.
            with_clock: publish /clock, too.

        Raises:
            ValueError: if messages of different types are to be published on one topic.
            BagError: if none of the connections can be played.
        """
        self._node = node
        self.skipped: dict[str, str] = {}
        self._publishers: dict[str, Publisher] = {}
        types = {CLOCK_TOPIC: CLOCK_TYPE} if with_clock else {}
        connections = list(connections)
        if not connections:
            raise BagError(path, 'has no messages to play', 'record it again')
        for connection in connections:
            topic = connection.topic
            reason = why_not_playable(connection)
            if with_clock and topic == CLOCK_TOPIC:
                reason = 'the player publishes the time itself'
            if reason is not None:
                self.skipped[topic] = reason
                _logger.warning('%s: %s is not played: %s', path, topic, reason)
            elif topic not in self._publishers:
                name = (remappings or {}).get(topic, topic)
                resolved = node.resolve_topic_name(name)
                other = types.setdefault(resolved, connection.msgtype)
                if other != connection.msgtype:
                    raise ValueError(
                        f'{topic} ({connection.msgtype}) cannot be published on {resolved}, which '
                        f'has {other}; remap it to another topic'
                    )
                self._publishers[topic] = node.create_publisher(
                    message_class(connection.msgtype),
                    name,
                    publisher_qos(connection, (qos_overrides or {}).get(topic)),
                )
        if not self._publishers:
            reasons = '; '.join(f'{topic}: {why}' for topic, why in self.skipped.items())
            raise BagError(
                path, f'has nothing that can be played ({reasons})', 'source its packages'
            )
        self._clock = node.create_publisher(Clock, CLOCK_TOPIC, 10) if with_clock else None

    @property
    def topics(self) -> list[str]:
        """Topics that are published on, without /clock."""
        return [publisher.topic_name for publisher in self._publishers.values()]

    def name(self, topic: str) -> str:
        """Return the topic that a recorded topic is published on."""
        return self._publishers[topic].topic_name

    def playable(self, connections: Iterable[Connection]) -> list[Connection]:
        """Return the connections whose topics have a publisher."""
        return [item for item in connections if item.topic in self._publishers]

    def latched(self, connections: Iterable[Connection]) -> list[Connection]:
        """Return those of which late subscribers get the last messages."""
        return [
            item
            for item in self.playable(connections)
            if self._publishers[item.topic].qos_profile.durability
            == DurabilityPolicy.TRANSIENT_LOCAL
        ]

    def check(self, topics: Iterable[str]) -> None:
        """Check that topics are published.

        Raises:
            ValueError: if one of them is not.
        """
        known = self._by_name()
        unknown = sorted(set(topics) - set(known))
        if unknown:
            raise ValueError(f'{unknown} are not played; played are {sorted(known)}')

    def unheard(self, topics: Iterable[str]) -> list[str]:
        """Return those of these topics that have no subscriber."""
        known = self._by_name()
        return [topic for topic in topics if not known[topic].get_subscription_count()]

    def publish(self, topic: str, message: Clock | bytes) -> None:
        """Publish on a recorded topic, or on ``/clock``."""
        is_clock = topic == CLOCK_TOPIC and isinstance(message, Clock)
        (self._clock if is_clock else self._publishers[topic]).publish(message)

    def close(self) -> None:
        """Destroy the publishers."""
        for publisher in filter(None, [*self._publishers.values(), self._clock]):
            self._node.destroy_publisher(publisher)
        self._publishers.clear()
        self._clock = None

    def _by_name(self) -> dict[str, Publisher]:
        publishers = {publisher.topic_name: publisher for publisher in self._publishers.values()}
        if self._clock is not None:
            publishers[self._clock.topic_name] = self._clock
        return publishers
