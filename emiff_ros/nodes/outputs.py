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

"""The publishers of a node: watched, and removed together."""

from __future__ import annotations

from rclpy.lifecycle import LifecycleNode, LifecyclePublisher
from rclpy.qos import QoSProfile

from emiff_ros.nodes.qos import QosWatch, naming


class NodeOutputs:
    """Creates lifecycle publishers, with profiles that parameters can override."""

    def __init__(self, node: LifecycleNode, qos: QosWatch) -> None:
        """Begin without publishers on ``node``."""
        self._node = node
        self._qos = qos
        self._publishers: list[LifecyclePublisher] = []

    def create(self, message_type: type, topic: str, profile: QoSProfile) -> LifecyclePublisher:
        """Return a new publisher on ``topic``.

        Raises:
            ValueError: if that is no name of a topic, or a QoS override cannot be.
        """
        with naming(topic):
            publisher = self._node.create_lifecycle_publisher(
                message_type, topic, **self._qos.publisher(topic, profile)
            )
        self._publishers.append(publisher)
        return publisher

    def peers(self) -> dict[str, int]:
        """Return how many subscriptions the middleware has matched, by topic."""
        return {
            publisher.topic_name: publisher.get_subscription_count()
            for publisher in self._publishers
        }

    def destroy(self) -> None:
        """Remove all publishers, also from what the node's transitions switch."""
        for publisher in self._publishers:
            self._node.destroy_lifecycle_publisher(publisher)
        self._publishers.clear()
