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

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
import math
from pathlib import Path
from threading import Condition
import time

from rclpy.node import Node
from rclpy.qos import QoSProfile
from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader
from rosgraph_msgs.msg import Clock

from emiff_ros.bags.play_clock import PlayClock
from emiff_ros.bags.player_publishers import CLOCK_TOPIC, BagPublishers
from emiff_ros.bags.player_topics import DEFAULT_DEPTH
from emiff_ros.bags.reader import open_bag, require_topics
from emiff_ros.stamps import SECOND

DEFAULT_CLOCK_FREQUENCY = 40.0
_MATCHING_POLL_SECONDS = 0.02


@dataclass
class PlayReport:
    """What was published.

    Attributes:
        messages: number of messages by topic (as published, after remapping).
        clock_ticks: number of messages on /clock.
        rounds: completed passes through the bag.
        latest: how late a message was published at worst, seconds of the steady clock.
        jumps: number of times that ``seek`` took effect.
        stopped: whether ``stop`` ended the replay.
    """

    messages: Counter[str] = field(default_factory=Counter)
    clock_ticks: int = 0
    rounds: int = 0
    latest: float = 0.0
    jumps: int = 0
    stopped: bool = False


class BagPlayer:
    """Plays one bag through the publishers of a node.

    ``play`` blocks in the caller's thread; ``stop``, ``pause``, ``resume`` and ``seek`` may be
    called from any thread, also from the progress callback; a shutdown of the node's context stops
    it too. Where a replay begins later than the bag, the last messages before (at most 10) of each
    latched topic (transient local, such as /tf_static) are published first.

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
            ValueError: for a number out of its range, or messages of different types that are to
                be published on one topic.
            MissingBagError: if there is no such bag.
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
        self._start_offset = round(start_offset * SECOND)
        self._delay = delay
        self._tail = tail
        self._longest_gap = longest_gap * SECOND
        self._progress = progress
        self._tick_period = SECOND / clock_frequency if clock_frequency else math.inf
        self._condition = Condition()
        self._clock: PlayClock | None = None
        self._next_tick = 0.0
        self._paused = False
        self._sought: int | None = None
        self._stopping = False
        if topics is not None:
            topics = set(topics)
            require_topics(path, topics)
        with open_bag(path) as reader:
            self.start, self.end = reader.start_time, reader.end_time - 1
            self._publishers = BagPublishers(
                node,
                path,
                _selected(reader, topics),
                remappings,
                qos_overrides,
                with_clock=clock_frequency > 0,
            )
            self.skipped = self._publishers.skipped
        if self._start_offset > self.end - self.start:
            raise ValueError(
                f'start_offset is {start_offset} s; the bag lasts {self._seconds(self.end):.3f} s'
            )
        node.context.on_shutdown(self.stop)

    @property
    def topics(self) -> list[str]:
        """Topics that are published on, without /clock."""
        return self._publishers.topics

    def wait_for_subscribers(
        self, topics: Iterable[str] | None = None, timeout: float = 10.0
    ) -> list[str]:
        """Wait until every topic has a subscriber.

        Args:
            topics: as published, ``/clock`` if it is; by default all but ``/clock``.
            timeout: seconds (steady clock).

        Returns:
            Topics that have none by then, or when the player is stopped.

        Raises:
            ValueError: if one of the topics is not published by this player.
        """
        wanted = self.topics if topics is None else list(topics)
        self._publishers.check(wanted)
        deadline = time.monotonic() + timeout
        with self._condition:
            while unheard := self._publishers.unheard(wanted):
                if self._stopping or time.monotonic() >= deadline:
                    break
                self._condition.wait(_MATCHING_POLL_SECONDS)
        return unheard

    def play(self) -> PlayReport:
        """Publish the bag; returns at its end, or soon after ``stop``.

        Raises:
            BagError: if the bag turns out to be damaged.
        """
        report = PlayReport()
        with self._condition:
            self._condition.wait_for(lambda: self._stopping, self._delay)
        start = first = self.start + self._start_offset
        while not self._stopping:
            with open_bag(self._path) as reader:
                finished = self._play_from(start, reader, report)
            with self._condition:
                sought, self._sought = self._sought, None
            if sought is not None:
                start = sought
                report.jumps += 1
                continue
            report.rounds += finished
            if not (finished and self._loop):
                break
            start = first
        report.stopped = self._stopping
        return report

    @property
    def paused(self) -> bool:
        """Whether bag time stands still."""
        return self._paused

    @property
    def duration(self) -> float:
        """Seconds from the bag's first message to its last."""
        return self._seconds(self.end)

    @property
    def position(self) -> float:
        """Bag time in seconds since the bag's start; 0 before ``play``."""
        with self._condition:
            if self._clock is None:
                return 0.0
            return self._seconds(min(self._clock.position(time.monotonic_ns()), self.end))

    def seek(self, position: float) -> None:
        """Go on from another place; before ``play``, begin there once. A paused replay stays so.

        /clock jumps at once, forward or back, and then come the messages from there on.

        Args:
            position: seconds since the bag's start.

        Raises:
            ValueError: if it lies outside the bag.
        """
        if not 0 <= position <= self.duration:
            raise ValueError(f'position is {position} s; expected 0 to {self.duration:.3f} s')
        with self._condition:
            self._sought = self.start + round(position * SECOND)
            self._condition.notify_all()

    def stop(self) -> None:
        """End the replay; ``play`` returns before the next message."""
        with self._condition:
            self._stopping = True
            self._condition.notify_all()

    def pause(self) -> None:
        """Let bag time stand still; /clock goes on repeating it. Before ``play``: start paused."""
        with self._condition:
            self._paused = True
            if self._clock is not None:
                self._clock.pause(time.monotonic_ns())
            self._condition.notify_all()

    def resume(self) -> None:
        """Go on after ``pause``."""
        with self._condition:
            self._paused = False
            if self._clock is not None:
                self._clock.resume(time.monotonic_ns())
            self._condition.notify_all()

    def close(self) -> None:
        """Stop, and destroy the publishers."""
        self.stop()
        self._publishers.close()

    def _play_from(self, start: int, reader: Reader, report: PlayReport) -> bool:
        """Play from a log time to the end; False if stopped or sent elsewhere before."""
        with self._condition:
            now = time.monotonic_ns()
            self._clock = PlayClock(start, self._rate, now)
            self._next_tick = float(now)
            if self._paused:
                self._clock.pause(now)
        if not self._wait_until(start, report) or not self._publish_latched(start, reader):
            return False
        playable = self._publishers.playable(reader.connections)
        previous = start
        for connection, stamp, data in reader.messages(playable, start=start):
            if stamp - previous > self._longest_gap:
                self._skip(stamp - previous - round(self._longest_gap))
            previous = stamp
            if not self._wait_until(stamp, report):
                return False
            if not self._publish(connection.topic, bytes(data)):
                return False
            report.messages[self._publishers.name(connection.topic)] += 1
            if self._progress:
                self._progress(self._seconds(stamp), self._seconds(self.end))
        return self._wait_until(self.end + round(self._tail * self._rate * SECOND), report)

    def _publish_latched(self, start: int, reader: Reader) -> bool:
        """Publish what a subscriber that comes at ``start`` would get; False if shut down."""
        latched = self._publishers.latched(reader.connections)
        if start <= self.start or not latched:
            return True
        last: dict[str, deque[bytes]] = {}
        for item, _, data in reader.messages(latched, stop=start):
            last.setdefault(item.topic, deque(maxlen=DEFAULT_DEPTH)).append(bytes(data))
        return all(self._publish(topic, data) for topic, kept in last.items() for data in kept)

    def _skip(self, duration: int) -> None:
        with self._condition:
            self._clock.skip(duration)

    def _wait_until(self, stamp: int, report: PlayReport) -> bool:
        """Wait for a bag time and keep /clock ticking; False if stopped or sent elsewhere."""
        clock = self._clock
        while True:
            with self._condition:
                if self._stopping or self._sought is not None:
                    return False
                now = time.monotonic_ns()
                message_due = clock.due_in(stamp, now)
                tick_due = (self._next_tick - now) / SECOND
                if math.isinf(self._tick_period):
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
        message.clock.sec, message.clock.nanosec = divmod(bag_time, SECOND)
        report.clock_ticks += self._publish(CLOCK_TOPIC, message)
        missed = (now - self._next_tick) // self._tick_period
        self._next_tick += (missed + 1) * self._tick_period

    def _publish(self, topic: str, message: Clock | bytes) -> bool:
        """Publish; False, and the end of the replay, if the context was shut down meanwhile."""
        try:
            self._publishers.publish(topic, message)
        except Exception:  # of rclpy's private extension
            if self._node.context.ok():
                raise
            self.stop()
            return False
        return True

    def _seconds(self, stamp: int) -> float:
        return (stamp - self.start) / SECOND


def _selected(reader: Reader, topics: set[str] | None) -> list[Connection]:
    return [
        connection
        for connection in reader.connections
        if connection.msgcount and (topics is None or connection.topic in topics)
    ]
