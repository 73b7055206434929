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

"""Stand-in for ROS 2's Python message_filters: SimpleFilter and Subscriber.

Written for machines without ROS, where the real package cannot be installed. Names, arguments and
behaviour are those of the real package, which replaces this one wherever ROS 2 is sourced; what
the suite does not use is not here.
"""

from collections.abc import Callable
from typing import Any

from rclpy.node import Node


class SimpleFilter:
    """Something with output: passes each message to the callbacks that were registered."""

    def __init__(self) -> None:
        """Start without callbacks."""
        self.callbacks: dict[int, tuple[Callable[..., None], tuple]] = {}

    def registerCallback(self, cb: Callable[..., None], *args: Any) -> int:  # noqa: N802
        """Call ``cb(*messages, *args)`` for each output; return the number of the connection."""
        connection = len(self.callbacks)
        self.callbacks[connection] = (cb, args)
        return connection

    def signalMessage(self, *msg: Any) -> None:  # noqa: N802
        """Give ``msg`` to every callback, in the order in which they were registered."""
        for callback, args in self.callbacks.values():
            callback(*msg, *args)


class Subscriber(SimpleFilter):
    """The start of a chain: outputs what a subscription receives.

    ``Subscriber(node, msg_type, topic, **kwargs)``; keyword arguments go to
    ``Node.create_subscription``, with ``qos_profile=10`` by default. Attributes that the filter
    does not have are those of the subscription, which is ``sub``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Subscribe."""
        super().__init__()
        node: Node
        node, message_type, topic, *rest = args
        self.node = node
        self.topic = topic
        kwargs.setdefault('qos_profile', 10)
        self.sub = node.create_subscription(message_type, topic, *rest, self.callback, **kwargs)

    def callback(self, msg: Any) -> None:
        """Pass a received message on."""
        self.signalMessage(msg)

    def getTopic(self) -> str:  # noqa: N802
        """Return the topic as it was asked for."""
        return self.topic

    def __getattr__(self, key: str) -> Any:
        """Return an attribute of the subscription."""
        if key == 'sub':
            raise AttributeError(key)
        return getattr(self.sub, key)
