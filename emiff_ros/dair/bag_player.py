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

"""Publishes a bag's messages at their recorded pace, for machines without ``ros2 bag``.

Messages stay serialised: what was recorded is what is sent, byte for byte.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
import logging
import math
from pathlib import Path
from threading import Condition
import time

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader
from rosgraph_msgs.msg import Clock

from emiff_ros.dair.bag_reader import open_bag, require_topics
from emiff_ros.dair.errors import BagError
from emiff_ros.dair.play_clock import PlayClock
from emiff_ros.dair.player_topics import message_class, publisher_qos, why_not_playable

DEFAULT_CLOCK_FREQUENCY = 40.0
_NANOSECONDS = 1_000_000_000
_MATCHING_POLL_SECONDS = 0.02

_logger = logging.getLogger(__name__)


@dataclass
class PlayReport:
    """What was published.

    Attributes:
        messages: number of messages by topic (as published, after remapping).
        clock_ticks: number of messages on /clock.
        rounds: completed passes through the bag.
        latest: how late a message was published at worst, seconds of the steady clock.
        stopped: whether ``stop`` ended the replay.
    """

    messages: Counter[str] = field(default_factory=Counter)
    clock_ticks: int = 0
    rounds: int = 0
    latest: float = 0.0
    stopped: bool = False


class BagPlayer:
    """Plays one bag through the publishers of a node.

    ``play`` blocks in the caller's thread; ``stop``, ``pause`` and ``resume`` may be called from
    any thread, also from the progress callback; a shutdown of the node's context stops it too.
    Topics whose type is not installed, or was recorded with another definition, are left out: see
    ``skipped``.

    Attributes:
        skipped: reason by topic for each one that is not played.
        start, end: log time of the first and last message, nanoseconds.
    """

    def __init__(
        self,
        node: Node,
        path: Path | str,
        *,
        topics: Iterable[str] | None = None,
        rate: float = 1.0,
        loop: bool = False,
        clock_frequency: float = 0.0,
        start_offset: float = 0.0,
        delay: float = 0.0,
        tail: float = 0.0,
        longest_gap: float = math.inf,
        remappings: Mapping[str, str] | None = None,
        qos_overrides: Mapping[str, QoSProfile] | None = None,
        progress: Callable[[float, float], None] | None = None,
    ) -> None:
        """Open the bag, check its topics and create the publishers.

        Args:
            node: owns the publishers; it need not be spun.
            path: bag folder, or a single .mcap or .db3 file.
            topics: only these; by default all.
            rate: bag seconds a second.
            loop: start again at the end until stopped.
            clock_frequency: rate of /clock in Hz (steady time); 0 publishes none.
            start_offset: seconds of the bag to skip.
            delay: seconds to wait before the first message.
            tail: seconds for which /clock goes on after the last message.
            longest_gap: bag seconds; a longer silence, as between two drives, is cut to this
                (bag time and /clock jump forward).
            remappings: recorded topic to the one to publish on.
            qos_overrides: profile by recorded topic.
            progress: called with (seconds played, seconds in all) after each message.

        Raises:
            ValueError: for a number out of its range.
            MissingFileError: if there is no such bag.
            MissingTopicsError: if a named topic has no messages.
            BagError: if the bag is damaged, empty, or holds nothing that can be played.
        """
        for name, value in (
            ('clock_frequency', clock_frequency),
            ('start_offset', start_offset),
            ('delay', delay),
            ('tail', tail),
        ):
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f'{name} is {value}; expected 0 or more')
        if not longest_gap > 0:
            raise ValueError(f'longest_gap is {longest_gap}; expected more than 0 s')
        PlayClock(0, rate, 0)
        self._node = node
        self._path = Path(path)
        self._rate = rate
        self._loop = loop
        self._start_offset = round(start_offset * _NANOSECONDS)
        self._delay = delay
        self._tail = tail
        self._longest_gap = longest_gap * _NANOSECONDS
        self._progress = progress
        self._tick_period = _NANOSECONDS / clock_frequency if clock_frequency else math.inf
        self._condition = Condition()
        self._clock: PlayClock | None = None
        self._next_tick = 0.0
        self._start_paused = False
        self._stopping = False
        self.skipped: dict[str, str] = {}
        self._publishers: dict[str, Publisher] = {}
        if topics is not None:
            topics = set(topics)
            require_topics(path, topics)
        with open_bag(path) as reader:
            self.start, self.end = reader.start_time, reader.end_time - 1
            self._create_publishers(
                self._selected(reader, topics), dict(remappings or {}), dict(qos_overrides or {})
            )
        if self._start_offset > self.end - self.start:
            raise ValueError(
                f'start_offset is {start_offset} s; the bag lasts {self._seconds(self.end):.3f} s'
            )
        node.context.on_shutdown(self.stop)
        self._clock_publisher = (
            node.create_publisher(Clock, '/clock', 10) if clock_frequency else None
        )

    @property
    def topics(self) -> list[str]:
        """Topics that are published on, without /clock."""
        return [publisher.topic_name for publisher in self._publishers.values()]

    def wait_for_subscribers(
        self, topics: Iterable[str] | None = None, timeout: float = 10.0
    ) -> bool:
        """Wait until every topic has a subscriber.

        Args:
            topics: as published, ``/clock`` if it is; by default all but ``/clock``.
            timeout: seconds (steady clock).

        Returns:
            Whether all of them have one.

        Raises:
            ValueError: if one of the topics is not published by this player.
        """
        publishers = {publisher.topic_name: publisher for publisher in self._publishers.values()}
        wanted = list(publishers if topics is None else topics)
        if self._clock_publisher is not None:
            publishers[self._clock_publisher.topic_name] = self._clock_publisher
        unknown = sorted(set(wanted) - set(publishers))
        if unknown:
            raise ValueError(f'{unknown} are not played; played are {sorted(publishers)}')

        def all_matched() -> bool:
            return all(publishers[topic].get_subscription_count() for topic in wanted)

        deadline = time.monotonic() + timeout
        with self._condition:
            while not all_matched():
                if self._stopping or time.monotonic() >= deadline:
                    return False
                self._condition.wait(_MATCHING_POLL_SECONDS)
        return True

    def play(self) -> PlayReport:
        """Publish the bag; returns at its end, or soon after ``stop``.

        Raises:
            BagError: if the bag turns out to be damaged.
        """
        report = PlayReport()
        with self._condition:
            self._condition.wait_for(lambda: self._stopping, self._delay)
        while not self._stopping:
            with open_bag(self._path) as reader:
                finished = self._play_once(reader, report)
            report.rounds += finished
            if not (finished and self._loop):
                break
        report.stopped = self._stopping
        return report

    def stop(self) -> None:
        """End the replay; ``play`` returns before the next message."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()

    def pause(self) -> None:
        """Let bag time stand still; /clock goes on repeating it. Before ``play``: start paused."""
        with self._condition:
            self._start_paused = True
            if self._clock is not None:
                self._clock.pause(time.monotonic_ns())
            self._condition.notify_all()

    def resume(self) -> None:
        """Go on after ``pause``."""
        with self._condition:
            self._start_paused = False
            if self._clock is not None:
                self._clock.resume(time.monotonic_ns())
            self._condition.notify_all()

    def close(self) -> None:
        """Stop, and destroy the publishers."""
        self.stop()
        for publisher in self._publishers.values():
            self._node.destroy_publisher(publisher)
        self._publishers.clear()
        if self._clock_publisher is not None:
            self._node.destroy_publisher(self._clock_publisher)
            self._clock_publisher = None

    def _selected(self, reader: Reader, topics: set[str] | None) -> list[Connection]:
        return [
            connection
            for connection in reader.connections
            if connection.msgcount and (topics is None or connection.topic in topics)
        ]

    def _create_publishers(
        self,
        connections: list[Connection],
        remappings: dict[str, str],
        qos_overrides: dict[str, QoSProfile],
    ) -> None:
        if not connections:
            raise BagError(self._path, 'has no messages to play', 'record it again')
        for connection in connections:
            topic = connection.topic
            reason = why_not_playable(connection)
            if reason is not None:
                self.skipped[topic] = reason
                _logger.warning('%s: %s is not played: %s', self._path, topic, reason)
            elif topic not in self._publishers:
                self._publishers[topic] = self._node.create_publisher(
                    message_class(connection.msgtype),
                    remappings.get(topic, topic),
                    publisher_qos(connection, qos_overrides.get(topic)),
                )
        if not self._publishers:
            reasons = '; '.join(f'{topic}: {why}' for topic, why in self.skipped.items())
            raise BagError(
                self._path, f'has nothing that can be played ({reasons})', 'source its packages'
            )

    def _play_once(self, reader: Reader, report: PlayReport) -> bool:
        """Play from the start offset to the end; False if stopped before."""
        start = self.start + self._start_offset
        with self._condition:
            now = time.monotonic_ns()
            self._clock = PlayClock(start, self._rate, now)
            self._next_tick = float(now)
            if self._start_paused:
                self._clock.pause(now)
        playable = [item for item in reader.connections if item.topic in self._publishers]
        previous = start
        for connection, stamp, data in reader.messages(playable, start=start):
            if stamp - previous > self._longest_gap:
                self._skip(stamp - previous - round(self._longest_gap))
            previous = stamp
            if not self._wait_until(stamp, report):
                return False
            publisher = self._publishers[connection.topic]
            if not self._publish(publisher, bytes(data)):
                return False
            report.messages[publisher.topic_name] += 1
            if self._progress:
                self._progress(self._seconds(stamp), self._seconds(self.end))
        return self._wait_until(self.end + round(self._tail * self._rate * _NANOSECONDS), report)

    def _skip(self, duration: int) -> None:
        with self._condition:
            self._clock.skip(duration)

    def _wait_until(self, stamp: int, report: PlayReport) -> bool:
        """Wait for a bag time and keep /clock ticking meanwhile; False if stopped."""
        clock = self._clock
        while True:
            with self._condition:
                if self._stopping:
                    return False
                now = time.monotonic_ns()
                message_due = clock.due_in(stamp, now)
                tick_due = (self._next_tick - now) / _NANOSECONDS
                if self._clock_publisher is None:
                    tick_due = math.inf
                wait = min(message_due, tick_due)
                if wait > 0:
                    self._condition.wait(None if math.isinf(wait) else wait)
                    continue
            if tick_due <= 0:
                self._tick(clock.position(now), now, report)
            if message_due <= 0:
                report.latest = max(report.latest, -message_due)
                return True

    def _tick(self, bag_time: int, now: int, report: PlayReport) -> None:
        message = Clock()
        message.clock.sec, message.clock.nanosec = divmod(bag_time, _NANOSECONDS)
        report.clock_ticks += self._publish(self._clock_publisher, message)
        missed = (now - self._next_tick) // self._tick_period
        self._next_tick += (missed + 1) * self._tick_period

    def _publish(self, publisher: Publisher, message: Clock | bytes) -> bool:
        """Publish; False, and the end of the replay, if the context was shut down meanwhile."""
        try:
            publisher.publish(message)
        except Exception:  # of rclpy's private extension
            if self._node.context.ok():
                raise
            self.stop()
            return False
        return True

    def _seconds(self, stamp: int) -> float:
        return (stamp - self.start) / _NANOSECONDS
