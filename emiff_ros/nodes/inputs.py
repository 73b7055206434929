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

"""The subscriptions of a node: guarded, watched, and removed together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.lifecycle import LifecycleNode
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription

from emiff_ros.nodes.health import NodeHealth
from emiff_ros.nodes.qos import naming
from emiff_ros.nodes.refusal import Refusal
from emiff_ros.stamps import SECOND, nanoseconds_of


class NodeInputs:
    """Subscribes best effort, with profiles that parameters can override.

    What a callback raises is handed to ``warn``: no input ends the node.
    """

    def __init__(
        self, node: LifecycleNode, health: NodeHealth, warn: Callable[[Refusal], None]
    ) -> None:
        """Begin without subscriptions on ``node``."""
        self._node = node
        self._health = health
        self._warn = warn
        self._subscriptions: list[Subscription] = []
        self._closers: list[Callable[[], None]] = []

    def options(self, topic: str, depth: int) -> dict[str, Any]:
        """Return the keyword arguments of a best-effort subscription to ``topic``.

        Raises:
            ValueError: if that is no name of a topic.
        """
        profile = QoSProfile(depth=depth, reliability=ReliabilityPolicy.BEST_EFFORT)
        try:
            return self._health.qos.subscription(topic, profile)
        except RuntimeError as error:
            raise ValueError(
                f'{topic!r} is no name of a topic ({error}); expected one such as '
                '/station/features or ~/input/features'
            ) from error

    def listen(self, message_type: type, topic: str, callback: Callable, depth: int) -> None:
        """Subscribe to ``topic``.

        Raises:
            ValueError: if that is no name of a topic, or a QoS override cannot be.
        """
        options = self.options(topic, depth)
        with naming(topic):
            subscription = self._node.create_subscription(
                message_type, topic, callback=self.guarded(callback), **options
            )
        self.adopt(subscription)

    def listen_and_watch(
        self,
        message_type: type,
        topic: str,
        callback: Callable,
        depth: int,
        repeats: bool = True,
        needed: Callable[[], bool] = lambda: True,
    ) -> None:
        """Subscribe to messages with a header and report their arrival.

        ``repeats`` and ``needed`` are those of :class:`InputMeter`.
        """
        meter = self._health.watch_input(topic, repeats, needed)

        def metered(message: Any) -> None:
            stamp = nanoseconds_of(message.header.stamp)
            now = self._node.get_clock().now().nanoseconds
            meter.tick((now - stamp) / SECOND if stamp > 0 else None)
            callback(message)

        self.listen(message_type, topic, metered, depth)

    def guarded(self, callback: Callable) -> Callable:
        """Return ``callback`` with what it raises turned into a warning."""

        def call(message: object) -> None:
            try:
                callback(message)
            except Refusal as refusal:
                self._warn(refusal)
            except Exception as error:  # a node must not die of one bad input
                self._warn(Refusal('internal_error', f'{type(error).__name__}: {error}'))

        return call

    def adopt(self, subscription: Subscription) -> None:
        """Remember a subscription, so that :meth:`destroy` removes it."""
        self._subscriptions.append(subscription)

    def peers(self) -> dict[str, int]:
        """Return how many publishers the middleware has matched, by topic.

        ROS 2 Humble cannot tell; there it is how many are in the graph.
        """
        return {
            subscription.topic_name: self._publisher_count(subscription)
            for subscription in self._subscriptions
        }

    def _publisher_count(self, subscription: Subscription) -> int:
        if hasattr(subscription, 'get_publisher_count'):
            return subscription.get_publisher_count()
        return self._node.count_publishers(subscription.topic_name)  # ROS 2 Humble

    def call_on_destroy(self, close: Callable[[], None]) -> None:
        """Remember what else :meth:`destroy` has to close."""
        self._closers.append(close)

    def destroy(self) -> None:
        """Remove all subscriptions and their reports."""
        for close in self._closers:
            close()
        self._closers.clear()
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._subscriptions.clear()
        self._health.forget_inputs()
