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

"""The link does what its numbers say, repeatably, and every message is counted."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from emiff_ros.transport.lossy_link import LinkConfig, LinkConfigError, LinkModel

PROBABILITY = st.floats(0, 1)
CONFIGS = st.builds(
    LinkConfig,
    mtu=st.integers(1, 2000),
    loss=st.floats(0, 0.5),
    burst=st.floats(1, 10),
    delay=st.floats(0, 1),
    jitter=st.floats(0, 1),
    reordering=PROBABILITY,
    duplication=PROBABILITY,
    corruption=PROBABILITY,
    bandwidth=st.sampled_from([0.0, 1e4, 1e6]),
)


def run(config, count=20000, size=1000, period=0.1, seed=1):
    link = LinkModel(config, seed)
    return link, [link.send(size, index * period) for index in range(count)]


@settings(max_examples=80, deadline=None)
@given(CONFIGS, st.integers(0, 2**32))
def test_every_message_is_counted_and_none_arrives_before_it_is_sent(config, seed):
    link, deliveries = run(config, 100, seed=seed)
    counts = link.counts
    assert counts['sent'] == 100 == counts['delivered'] + counts['lost'] + counts['dropped']
    assert sum(map(len, deliveries)) == counts['delivered'] + counts['duplicated']
    for index, arrivals in enumerate(deliveries):
        assert all(arrival.time >= index * 0.1 + config.delay for arrival in arrivals)
    assert run(config, 100, seed=seed)[1] == deliveries


def test_a_perfect_link_changes_nothing():
    _, deliveries = run(LinkConfig(), 50)
    assert [[(item.time, item.flipped_bit) for item in sent] for sent in deliveries] == [
        [(index * 0.1, None)] for index in range(50)
    ]


@pytest.mark.parametrize('burst', [1.0, 2.0, 5.0])
def test_loss_and_length_of_bursts(burst):
    _, deliveries = run(LinkConfig(loss=0.2, burst=burst), 60000)
    lost = [not arrivals for arrivals in deliveries]
    assert sum(lost) / len(lost) == pytest.approx(0.2, abs=0.015)
    begins = sum(now and not before for before, now in zip([False, *lost], lost, strict=False))
    expected = 1 / 0.8 if burst == 1 else burst
    assert sum(lost) / begins == pytest.approx(expected, rel=0.06)


@pytest.mark.parametrize(('size', 'packets'), [(1400, 1), (1401, 2), (14000, 10)])
def test_a_message_is_lost_with_any_of_its_packets(size, packets):
    link, _ = run(LinkConfig(loss=0.05), size=size)
    assert link.counts['delivered'] / 20000 == pytest.approx(0.95**packets, abs=0.012)


def test_a_narrow_link_delays_then_drops():
    link, deliveries = run(LinkConfig(bandwidth=40_000, max_queue=0.45), 200)
    assert deliveries[0][0].time == pytest.approx(0.2)
    assert deliveries[1][0].time == pytest.approx(0.4)
    arrived = [item[0].time for item in deliveries if item]
    assert max(after - before for before, after in zip(arrived, arrived[1:], strict=False)) < 0.21
    assert link.counts['dropped'] == pytest.approx(100, abs=5)


def test_jitter_and_reordering_let_messages_overtake():
    for config in (LinkConfig(jitter=0.3), LinkConfig(reordering=0.3, delay=0.11)):
        _, deliveries = run(config, 300)
        times = [item[0].time for item in deliveries]
        assert times != sorted(times)


def test_corruption_and_duplication_rates():
    link, _ = run(LinkConfig(corruption=0.1, duplication=0.3))
    assert link.counts['duplicated'] / 20000 == pytest.approx(0.3, abs=0.02)
    assert link.counts['corrupted'] / 26000 == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize(
    'values',
    [
        {'loss': 1.1},
        {'loss': float('nan')},
        {'delay': -1.0},
        {'jitter': float('inf')},
        {'mtu': 0},
        {'burst': 0.5},
        {'loss': 0.9, 'burst': 2.0},
    ],
)
def test_impossible_links_are_named(values):
    with pytest.raises(LinkConfigError, match=next(iter(values))):
        replace(LinkConfig(), **values)
