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

"""Stand-in for ROS 2's Python message_filters: SimpleFilter, Subscriber and Cache.

Written for machines without ROS, where the real package cannot be installed. Names, arguments and
behaviour are those of the real package, which replaces this one wherever ROS 2 is sourced; its
synchronisers are not here.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from rclpy.clock import ROSClock
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.time import Time


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


class Cache(SimpleFilter):
    """Remembers the last messages of a filter in their order of arrival, and passes them on.

    Stamps are compared as ``rclpy.time.Time``.
    """

    def __init__(
        self, f: SimpleFilter, cache_size: int = 1, allow_headerless: bool = False
    ) -> None:
        """Connect to a filter.

        Args:
            f: the filter whose output is remembered.
            cache_size: how many messages are kept.
            allow_headerless: take messages without header stamp, at the time of their arrival.
        """
        super().__init__()
        self.cache_size = cache_size
        self.allow_headerless = allow_headerless
        self._entries: deque[tuple[Time, Any]] = deque(maxlen=cache_size)
        self.connectInput(f)

    def connectInput(self, f: SimpleFilter) -> None:  # noqa: N802
        """Take the output of ``f``."""
        self.incoming_connection = f.registerCallback(self.add)

    def add(self, msg: Any) -> None:
        """Remember a message and pass it on."""
        stamp = getattr(getattr(msg, 'header', None), 'stamp', None)
        if stamp is None and not self.allow_headerless:
            get_logger('message_filters_cache').warning(
                f'{type(msg).__name__} has no header stamp and is not cached; '
                'allow_headerless=True caches it with its time of arrival'
            )
            return
        if stamp is None:
            time = ROSClock().now()
        else:
            time = stamp if isinstance(stamp, Time) else Time.from_msg(stamp)
        self._entries.append((time, msg))
        self.signalMessage(msg)

    def getInterval(self, from_stamp: Time, to_stamp: Time) -> list[Any]:  # noqa: N802
        """Return the messages from ``from_stamp`` to ``to_stamp``, both included.

        Raises:
            ValueError: if the interval ends before it begins.
        """
        if from_stamp > to_stamp:
            raise ValueError(f'interval from {from_stamp} to {to_stamp} ends before it begins')
        return [msg for time, msg in self._entries if from_stamp <= time <= to_stamp]

    def getElemAfterTime(self, stamp: Time) -> Any | None:  # noqa: N802
        """Return the first message at or after ``stamp``, or None."""
        return next((msg for time, msg in self._entries if time >= stamp), None)

    def getElemBeforeTime(self, stamp: Time) -> Any | None:  # noqa: N802
        """Return the last message at or before ``stamp``, or None."""
        return next((msg for time, msg in reversed(self._entries) if time <= stamp), None)

    def getLastestTime(self) -> Time | None:  # noqa: N802 - the name of the real package
        """Return the stamp of the last message, or None."""
        return self._entries[-1][0] if self._entries else None

    def getOldestTime(self) -> Time | None:  # noqa: N802
        """Return the stamp of the first message that is kept, or None."""
        return self._entries[0][0] if self._entries else None

    def getLast(self) -> Any | None:  # noqa: N802
        """Return the last message, or None."""
        return self._entries[-1][1] if self._entries else None
