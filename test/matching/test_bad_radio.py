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

"""Over a bad radio every feature that fits is used, and each counter is exactly what it must be.

A link with bursts of loss, jitter, duplicates and damage delivers in virtual time; what must
happen is derived from the list of deliveries alone, without the code that is tested.
"""

from collections import Counter
from dataclasses import dataclass

from matching.station_feed import MS, Header, at
import pytest

from emiff_ros.matching.config import MatchingConfig
from emiff_ros.matching.matcher import Matcher
from emiff_ros.matching.results import MatchState
from emiff_ros.transport.lossy_link import LinkConfig, LinkModel

PERIOD = 100
ENCODING = 25
FRAMES = 400
BURSTS = {'loss': 0.2, 'burst': 4.0, 'delay': 0.02, 'jitter': 0.3}
EVERYTHING = {**BURSTS, 'duplication': 0.1, 'reordering': 0.1, 'corruption': 0.1}
CONFIG = MatchingConfig(max_age=300 * MS, max_future=50 * MS, capacity=20)


@dataclass(frozen=True)
class Arrival:
    """One delivery of a feature, in milliseconds."""

    time: float
    number: int
    damaged: bool = False


@dataclass(frozen=True)
class Image:
    """A vehicle image and when its fusion starts, in milliseconds."""

    time: float
    stamp: float


def transmit(link, message_bytes=1300):
    """Return what arrives of ``FRAMES`` features that leave the sender one by one."""
    arrivals = []
    for number in range(FRAMES):
        sent = number * PERIOD + ENCODING
        for delivery in link.send(message_bytes, sent / 1000):
            damaged = delivery.flipped_bit is not None
            arrivals.append(Arrival(1000 * delivery.time, number, damaged))
    return arrivals


def images(offset, period, backbone=60):
    """Return images that are fused ``backbone`` ms after their capture."""
    return [
        Image(moment + backbone, moment)
        for moment in range(1500 + offset, FRAMES * PERIOD, period)
    ]


def run(matcher, arrivals, pictures):
    """Play arrivals and images in the order of time; return what each image was fused with."""
    chosen = {}
    events = [(item.time, item) for item in (*arrivals, *pictures)]
    for moment, event in sorted(events, key=lambda entry: entry[0]):
        if isinstance(event, Arrival):
            header = Header(at(event.number * PERIOD), event.number)
            if event.damaged:
                matcher.refuse('north', 'checksum', 'a bit flipped', at(moment), header)
            else:
                matcher.add(header, event.number, at(moment))
            continue
        match = matcher.match(at(event.stamp), at(moment))['north']
        chosen[event] = None
        if match.state is MatchState.USED:
            matcher.report_fused(match)
            chosen[event] = match.feature.payload
    return chosen


def expected_choice(arrivals, image):
    """Return the newest undamaged feature in the window that is there when fusion starts."""
    fitting = [
        item.number
        for item in arrivals
        if not item.damaged
        and item.time <= image.time
        and image.stamp - 300 <= item.number * PERIOD <= image.stamp + 50
    ]
    return max(fitting, default=None)


def expected_fates(arrivals, pictures, chosen):
    """Return what becomes of each feature that arrived whole, by number."""
    begins = {}
    for arrival in sorted(arrivals, key=lambda item: item.time):
        if not arrival.damaged:
            begins.setdefault(arrival.number, arrival.time)
    return {number: fate(number, begin, pictures, chosen) for number, begin in begins.items()}


def fate(number, begin, pictures, chosen):
    """Return what the images after its arrival make of one feature."""
    for image in pictures:
        if image.time < begin:
            continue
        if chosen[image] == number:
            return 'fused'
        if number * PERIOD < image.stamp - 300:
            return 'expired'
        if chosen[image] is not None and number < chosen[image]:
            return 'superseded'
    return 'cached'


@pytest.mark.parametrize('seed', range(6))
@pytest.mark.parametrize('link', [BURSTS, EVERYTHING], ids=['bursts', 'everything'])
@pytest.mark.parametrize('period', [100, 170])
def test_every_feature_that_fits_is_used_and_counted(link, period, seed):
    radio = LinkModel(LinkConfig(**link), seed)
    arrivals, pictures = transmit(radio), images(seed * 13, period)
    matcher = Matcher(CONFIG)
    chosen = run(matcher, arrivals, pictures)

    wanted = {image: expected_choice(arrivals, image) for image in pictures}
    assert chosen == wanted
    assert sum(number is not None for number in chosen.values()) > len(pictures) / 3

    everything = matcher.all_counters()
    counters, unknown = everything.known['north'], everything.unknown
    fates = Counter(expected_fates(arrivals, pictures, chosen).values())
    assert counters.fused == fates['fused'] == len({n for n in chosen.values() if n is not None})
    assert counters.superseded == fates['superseded']
    assert counters.expired == fates['expired']
    assert counters.cached == fates['cached']
    before, after = damaged_ones(arrivals)
    assert (unknown.refused_by_cause, counters.refused_by_cause) == (before, after)
    assert counters.duplicates == whole_ones(arrivals) - sum(fates.values())
    assert counters.lost == gaps(arrivals)
    assert counters.adds_up and unknown.adds_up


def damaged_ones(arrivals):
    """Return the expected refusals by cause before the station is known, and from then on."""
    in_order, first = known_from(arrivals)
    counts = (sum(item.damaged for item in part) for part in (in_order[:first], in_order[first:]))
    return [{'checksum': count} if count else {} for count in counts]


def known_from(arrivals):
    """Return the arrivals in order and the index of the first undamaged one."""
    in_order = sorted(arrivals, key=lambda arrival: arrival.time)
    return in_order, next(i for i, arrival in enumerate(in_order) if not arrival.damaged)


def whole_ones(arrivals):
    return sum(not arrival.damaged for arrival in arrivals)


def gaps(arrivals):
    """Return how many numbers between the lowest and the highest never arrived.

    A session is known from its first undamaged message on.
    """
    in_order, first = known_from(arrivals)
    numbers = {arrival.number for arrival in in_order[first:]}
    return max(numbers) - min(numbers) + 1 - len(numbers)


def test_the_link_loses_as_much_as_it_says():
    radio = LinkModel(LinkConfig(**BURSTS), 1)
    arrivals = transmit(radio)
    assert 0.1 * FRAMES < radio.counts['lost'] < 0.35 * FRAMES
    assert len(arrivals) + radio.counts['lost'] == FRAMES
    late = [item.time - item.number * PERIOD - ENCODING for item in arrivals]
    assert min(late) >= 20 - 1e-6
    assert 250 < max(late) <= 320 + 1e-6
