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

"""Features are aligned ahead for the image in hand, and for no other."""

from matching.station_feed import Header, at
import pytest

from emiff_ros.matching.matcher import Matcher
from emiff_ros.matching.policy import DatasetPairs
from emiff_ros.nodes.ahead_alignment import AheadAlignment


class Aligner:
    """Notes what it is asked to begin with."""

    def __init__(self):
        self.begun = []

    def begin(self, payload):
        self.begun.append(payload)


@pytest.fixture
def aligner():
    return Aligner()


@pytest.fixture
def matcher():
    return Matcher()


@pytest.fixture
def ahead(aligner, matcher):
    ahead = AheadAlignment(aligner, matcher.preview)
    ahead.was_fused_with(['north'])
    return ahead


def arrive(matcher, ahead, milliseconds, station='north'):
    name = f'{station} {milliseconds}'
    header = Header(at(milliseconds), milliseconds, station_id=station)
    matcher.add(header, name, at(milliseconds + 30))
    ahead.feature_arrived()
    return name


def test_what_is_there_when_an_image_begins(ahead, aligner, matcher):
    newest = [arrive(matcher, ahead, moment) for moment in (0, 100)][-1]
    assert aligner.begun == []
    ahead.image_begins(at(150))
    assert aligner.begun == [newest]


def test_what_arrives_while_an_image_is_in_hand(ahead, aligner, matcher):
    ahead.image_begins(at(150))
    newest = arrive(matcher, ahead, 100)
    ahead.image_ends(at(150))
    arrive(matcher, ahead, 200)
    assert aligner.begun == [newest]


def test_the_end_of_one_image_is_not_that_of_the_next(ahead, aligner, matcher):
    ahead.image_begins(at(150))
    ahead.image_begins(at(250))
    ahead.image_ends(at(150))
    newest = arrive(matcher, ahead, 200)
    assert aligner.begun == [newest]


def test_stations_that_were_not_fused_wait(ahead, aligner, matcher):
    ahead.image_begins(at(150))
    arrive(matcher, ahead, 100, 'south')
    assert aligner.begun == []
    ahead.was_fused_with(['south'])
    ahead.image_begins(at(160))
    assert aligner.begun == ['south 100']


def test_an_older_feature_that_comes_late_is_not_begun(ahead, aligner, matcher):
    ahead.image_begins(at(250))
    newest = arrive(matcher, ahead, 200)
    matcher.add(Header(at(100), 100), 'late', at(240))
    ahead.feature_arrived()
    assert set(aligner.begun) == {newest}


def test_what_belongs_to_the_image_is_begun_and_not_what_is_newest(ahead, aligner, matcher):
    matcher.choose_by(DatasetPairs({at(250): at(100)}))
    ahead.image_begins(at(250))
    wanted = arrive(matcher, ahead, 100)
    arrive(matcher, ahead, 200)
    assert set(aligner.begun) == {wanted}
