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

"""What a radio link does to messages: loss, delay, reordering, duplicates, damage, and its rate.

Pure: sizes and times in, deliveries out. All chance comes from one seed, so that a run repeats.
"""

from collections import Counter
from dataclasses import dataclass
import math
import random


class LinkConfigError(ValueError):
    """A property of a link that no link has."""


@dataclass(frozen=True)
class LinkConfig:
    """A link.

    Attributes:
        mtu: bytes of a message in one packet; a message is lost with any of its packets.
        loss: probability that a packet is lost, mean of both kinds of loss.
        burst: mean number of packets lost in a row. 1 loses each packet independently; more is a
            Gilbert-Elliott channel whose bad state loses every packet and lasts that long.
        delay: of every message, seconds.
        jitter: largest extra delay, uniformly distributed, seconds; messages may overtake.
        reordering: probability that a message is held back for one more delay and jitter, or for
            0.1 s without either, so that later ones overtake it.
        duplication: probability that a message arrives twice.
        corruption: probability that a bit of a message flips.
        bandwidth: bit/s that the link carries; 0 is no limit.
        max_queue: seconds that a message may wait for the link before it is dropped.
    """

    mtu: int = 1400
    loss: float = 0.0
    burst: float = 1.0
    delay: float = 0.0
    jitter: float = 0.0
    reordering: float = 0.0
    duplication: float = 0.0
    corruption: float = 0.0
    bandwidth: float = 0.0
    max_queue: float = 0.5

    def __post_init__(self) -> None:
        """Check all values.

        Raises:
            LinkConfigError: naming the value and what is expected.
        """
        for name in ('loss', 'reordering', 'duplication', 'corruption'):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise LinkConfigError(f'{name} is {value}; expected a probability from 0 to 1')
        for name in ('delay', 'jitter', 'bandwidth', 'max_queue'):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise LinkConfigError(f'{name} is {value}; expected a number from 0')
        if self.mtu < 1:
            raise LinkConfigError(f'mtu is {self.mtu}; expected at least 1 byte')
        if not (math.isfinite(self.burst) and self.burst >= 1):
            raise LinkConfigError(f'burst is {self.burst}; expected at least 1 packet')
        if self.burst > 1 and 0 < self.loss < 1 and self.loss > self.burst / (self.burst + 1):
            raise LinkConfigError(
                f'loss {self.loss} with bursts of {self.burst} packets leaves no packet '
                'between two bursts; use longer bursts'
            )


@dataclass(frozen=True)
class Delivery:
    """One arrival.

    Attributes:
        time: when, in the time base of :meth:`LinkModel.send`.
        flipped_bit: random number that picks the bit that is damaged; None for none.
    """

    time: float
    flipped_bit: int | None = None


class LinkModel:
    """A link with its state. Every message is counted: sent = delivered + lost + dropped."""

    def __init__(self, config: LinkConfig, seed: int = 0) -> None:
        """Start in the good state with an empty queue."""
        self.config = config
        self.counts: Counter[str] = Counter(
            dict.fromkeys(
                ('sent', 'delivered', 'lost', 'dropped', 'duplicated', 'corrupted', 'reordered'), 0
            )
        )
        self._random = random.Random(seed)
        self._bad = False
        self._free_at = -math.inf

    def send(self, size: int, now: float) -> list[Delivery]:
        """Return when a message of ``size`` bytes sent at ``now`` (seconds) arrives, if at all."""
        config = self.config
        self.counts['sent'] += 1
        begins = now
        if config.bandwidth:
            begins = max(now, self._free_at)
            if begins - now > config.max_queue:
                self.counts['dropped'] += 1
                return []
            self._free_at = begins = begins + 8 * size / config.bandwidth
        lost = [self._packet_is_lost() for _ in range(max(1, math.ceil(size / config.mtu)))]
        if any(lost):
            self.counts['lost'] += 1
            return []
        self.counts['delivered'] += 1
        copies = 1
        if self._happens(config.duplication):
            self.counts['duplicated'] += 1
            copies = 2
        return [self._delivery(begins) for _ in range(copies)]

    def _delivery(self, begins: float) -> Delivery:
        config = self.config
        time = begins + config.delay + self._random.uniform(0, config.jitter)
        if self._happens(config.reordering):
            self.counts['reordered'] += 1
            # Nobody knows when the successor comes: held back by the delays there are, or 0.1 s.
            time += config.delay + config.jitter or 0.1
        bit = None
        if self._happens(config.corruption):
            self.counts['corrupted'] += 1
            bit = self._random.getrandbits(32)
        return Delivery(time, bit)

    def _packet_is_lost(self) -> bool:
        config = self.config
        if config.burst == 1 or config.loss in (0, 1):
            return self._happens(config.loss)
        leave = 1 / config.burst
        enter = leave * config.loss / (1 - config.loss)
        self._bad = not self._happens(leave) if self._bad else self._happens(enter)
        return self._bad

    def _happens(self, probability: float) -> bool:
        return self._random.random() < probability
