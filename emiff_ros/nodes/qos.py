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

"""Profiles that parameters can override, and a watch for peers whose profile does not fit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from rclpy.node import Node
from rclpy.qos import (
    QoSCompatibility,
    QoSPolicyKind,
    QoSProfile,
    qos_check_compatible,
    qos_policy_name_from_kind,
)
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.topic_endpoint_info import TopicEndpointInfo

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # ROS 2 Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks

OVERRIDING = QoSOverridingOptions(
    (
        QoSPolicyKind.HISTORY,
        QoSPolicyKind.DEPTH,
        QoSPolicyKind.RELIABILITY,
        QoSPolicyKind.DURABILITY,
        QoSPolicyKind.DEADLINE,
        QoSPolicyKind.LIFESPAN,
    )
)
"""Policies that ``qos_overrides.TOPIC.ENTITY.POLICY`` parameters can set, on every topic."""


@contextmanager
def naming(topic: str) -> Iterator[None]:
    """Name the topic in what rclpy raises while a publisher or a subscription is made on it.

    Raises:
        ValueError: for whatever is raised inside.
    """
    try:
        yield
    except Exception as error:
        raise ValueError(
            f'{topic} cannot be opened ({type(error).__name__}: {error}); check the name and the '
            f"parameters that begin with qos_overrides and the topic's full name"
        ) from error


class QosWatch:
    """Makes the QoS options of a node's topics and reports peers that are not compatible.

    The middleware tells once that a peer does not fit, never that it has gone; so the peers of
    a topic that was told of are looked at again for each report.
    """

    def __init__(self, node: Node) -> None:
        """Watch the topics of ``node``."""
        self._node = node
        self._policies: dict[tuple[str, str], str] = {}
        self._events = 0

    def subscription(self, topic: str, profile: QoSProfile) -> dict[str, Any]:
        """Return the keyword arguments of a subscription to ``topic``."""
        key = (self._node.resolve_topic_name(topic), 'publisher')
        callback = partial(self._on_event, key)
        return {
            'qos_profile': profile,
            'qos_overriding_options': OVERRIDING,
            'event_callbacks': SubscriptionEventCallbacks(incompatible_qos=callback),
        }

    def publisher(self, topic: str, profile: QoSProfile) -> dict[str, Any]:
        """Return the keyword arguments of a publisher on ``topic``."""
        key = (self._node.resolve_topic_name(topic), 'subscription')
        callback = partial(self._on_event, key)
        return {
            'qos_profile': profile,
            'qos_overriding_options': OVERRIDING,
            'event_callbacks': PublisherEventCallbacks(incompatible_qos=callback),
        }

    def _on_event(self, key: tuple[str, str], event: Any) -> None:
        topic, peer = key
        policy = qos_policy_name_from_kind(event.last_policy_kind).lower()
        self._events += event.total_count_change
        self._policies[key] = policy
        self._node.get_logger().warning(
            f'a {peer} of {topic} has an incompatible QoS policy: {policy}; nothing crosses. '
            f'Change its profile or set qos_overrides.{topic} of this node'
        )

    def status(self) -> DiagnosticStatus:
        """Name each topic and policy that keeps a living peer from being heard."""
        current = {key: names for key in self._policies if (names := self._misfits(*key))}
        self._policies = {key: self._policies[key] for key in current}
        values = [KeyValue(key='incompatible_events', value=str(self._events))]
        problems = []
        for (topic, peer), names in current.items():
            policy = self._policies[topic, peer]
            values.append(KeyValue(key=topic, value=f'{policy}: {", ".join(names)}'))
            problems.append(f'{topic} ({peer}, {policy})')
        if problems:
            message = f'incompatible QoS on {", ".join(problems)}'
            return DiagnosticStatus(level=DiagnosticStatus.ERROR, message=message, values=values)
        message = 'all peers are compatible'
        return DiagnosticStatus(level=DiagnosticStatus.OK, message=message, values=values)

    def _misfits(self, topic: str, peer: str) -> list[str]:
        """Return the nodes whose endpoints on ``topic`` do not fit.

        Own profiles are read from the graph, too: it names defaults otherwise than rclpy does.
        """
        publishers = self._node.get_publishers_info_by_topic(topic)
        subscriptions = self._node.get_subscriptions_info_by_topic(topic)
        pairs = [
            (offered, requested, offered if peer == 'publisher' else requested)
            for offered in publishers
            for requested in subscriptions
            if self._is_own(requested if peer == 'publisher' else offered)
        ]
        return sorted(
            {
                _full_name(other)
                for offered, requested, other in pairs
                if qos_check_compatible(offered.qos_profile, requested.qos_profile)[0]
                == QoSCompatibility.ERROR
            }
        )

    def _is_own(self, endpoint: TopicEndpointInfo) -> bool:
        return _full_name(endpoint) == self._node.get_fully_qualified_name()


def _full_name(endpoint: TopicEndpointInfo) -> str:
    return f'{endpoint.node_namespace.rstrip("/")}/{endpoint.node_name}'
