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

"""Publishes single numbers below ``~/debug/``: milliseconds, bytes and ages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from rclpy.lifecycle import LifecycleNode
from rclpy.qos import QoSProfile
from std_msgs.msg import Float64

from emiff_ros.nodes.qos import QosWatch


class DebugTopics:
    """One ``std_msgs/Float64`` topic for each measured quantity."""

    def __init__(self, node: LifecycleNode, qos: QosWatch, names: Iterable[str]) -> None:
        """Create ``~/debug/NAME`` for each name."""
        self._node = node
        self._publishers = {
            name: node.create_lifecycle_publisher(
                Float64, topic, **qos.publisher(topic, QoSProfile(depth=1))
            )
            for name, topic in ((name, f'~/debug/{name}') for name in names)
        }

    def publish(self, values: Mapping[str, float]) -> None:
        """Publish the quantities of one result; one that it lacks keeps silent."""
        for name, value in values.items():
            self._publishers[name].publish(Float64(data=float(value)))

    def destroy(self) -> None:
        """Destroy the publishers."""
        for publisher in self._publishers.values():
            self._node.destroy_publisher(publisher)
