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

from rclpy.qos import QoSProfile
from std_msgs.msg import Float64

from emiff_ros.nodes.outputs import NodeOutputs


class DebugTopics:
    """One ``std_msgs/Float64`` topic for each measured quantity."""

    def __init__(self, outputs: NodeOutputs, names: Iterable[str]) -> None:
        """Create ``~/debug/NAME`` for each name.

        Raises:
            ValueError: if a QoS override cannot be.
        """
        self._publishers = {
            name: outputs.create(Float64, f'~/debug/{name}', QoSProfile(depth=1)) for name in names
        }

    def publish(self, values: Mapping[str, float]) -> None:
        """Publish the quantities of one result; one that it lacks keeps silent."""
        for name, value in values.items():
            self._publishers[name].publish(Float64(data=float(value)))
