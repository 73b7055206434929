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

"""The matching behind message_filters: chained, refusals counted, images never held back."""

from matching.station_feed import Header, at
from message_filters import SimpleFilter
import pytest
from sensor_msgs.msg import Image

from emiff_ros.matching.matcher import Matcher
from emiff_ros.matching.message_filter import FeatureMatchFilter
from emiff_ros.matching.results import MatchState


class BrokenFeatureError(ValueError):
    cause = 'checksum'


class Chain:
    """Two feature sources and an image source before the filter, and what comes out of it."""

    def __init__(self):
        self.images, self.north, self.south = SimpleFilter(), SimpleFilter(), SimpleFilter()
        self.now = at(0)
        self.refused = []
        self.results = []
        self.filter = FeatureMatchFilter(
            self.images,
            [self.north, self.south],
            Matcher(),
            self.read,
            lambda: self.now,
            lambda cause, reason: self.refused.append((cause, reason)),
        )
        self.filter.registerCallback(lambda *out: self.results.append(out), 'extra')

    def read(self, header):
        if header.sequence == 13:
            raise BrokenFeatureError('bit flipped')
        return header, f'payload {header.sequence}'

    def send_image(self, milliseconds):
        image = Image()
        stamp = at(milliseconds)
        image.header.stamp.sec, image.header.stamp.nanosec = divmod(stamp, 10**9)
        self.now = stamp
        self.images.signalMessage(image)
        return image


@pytest.fixture
def chain():
    return Chain()


def test_image_comes_out_with_the_features_of_both_stations(chain):
    chain.now = at(100)
    chain.north.signalMessage(Header(at(40), 1))
    chain.south.signalMessage(Header(at(60), 2, station_id='south'))
    image = chain.send_image(120)
    [(out, matches, extra)] = chain.results
    assert out is image
    assert extra == 'extra'
    assert {name: match.feature.payload for name, match in matches.items()} == {
        'north': 'payload 1',
        'south': 'payload 2',
    }


def test_image_is_not_held_back_without_features(chain):
    chain.send_image(0)
    chain.now = at(10)
    chain.north.signalMessage(Header(at(5), 1))
    assert [matches for _, matches, _ in chain.results] == [{}]


def test_unreadable_features_are_counted_and_the_chain_goes_on(chain):
    chain.north.signalMessage(Header(at(-1000), 12))
    chain.north.signalMessage(Header(at(0), 13))
    chain.send_image(10)
    match = chain.results[0][1]['north']
    assert (match.state, match.reason) == (MatchState.REFUSED, 'bit flipped')
    assert chain.refused == [('checksum', 'bit flipped')]
    chain.north.signalMessage(Header(at(0), 14))
    chain.send_image(20)
    assert chain.results[1][1]['north'].state is MatchState.USED
    assert chain.filter.matcher.counters()['north'].adds_up


def test_refusals_of_the_matching_are_passed_on(chain):
    chain.north.signalMessage(Header(0, 1))
    assert chain.refused[0][0] == 'zero_stamp'


def test_image_without_stamp_is_refused(chain):
    chain.images.signalMessage(Image())
    assert chain.results == []
    assert chain.refused[0][0] == 'zero_stamp'


def test_filter_goes_on_after_an_exception_in_its_callback(chain):
    def fail(*_):
        raise RuntimeError('consumer')

    chain.filter.registerCallback(fail)
    for milliseconds in (0, 100):
        with pytest.raises(RuntimeError, match='consumer'):
            chain.send_image(milliseconds)
    assert len(chain.results) == 2
