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

"""Each feature is aligned once, the newest of a station first."""

import gc
import threading
from types import SimpleNamespace

from nodes.world import wait_for
import pytest

from emiff_ros.nodes.feature_aligner import FeatureAligner
from emiff_ros.nodes.received_feature import ReceivedFeature

LIMIT = 10


def feature(tensor, station='pole'):
    return ReceivedFeature(SimpleNamespace(station_id=station), tensor, 0)


class Recorder:
    """An ``align`` that notes what it was asked for and may be held up."""

    def __init__(self):
        self.asked, self.free, self.entered = [], threading.Event(), threading.Semaphore(0)
        self.free.set()

    def __call__(self, tensor):
        self.entered.release()
        assert self.free.wait(LIMIT)
        self.asked.append(tensor)
        if tensor == 'bad':
            raise ValueError('bad feature')
        return f'aligned {tensor}'


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def aligner(recorder):
    aligner = FeatureAligner(recorder)
    yield aligner
    recorder.free.set()
    aligner.close()


def test_a_feature_is_aligned_once(aligner, recorder):
    one = feature('one')
    aligner.begin(one)
    assert aligner.aligned(one) == aligner.aligned(one) == 'aligned one'
    assert recorder.asked == ['one']


def test_what_was_not_begun_is_aligned_when_it_is_needed(aligner):
    assert aligner.aligned(feature('late')) == 'aligned late'


def test_a_newer_feature_goes_before_an_older_one_of_its_station(aligner, recorder):
    recorder.free.clear()
    running, skipped, other, newest = (
        feature(name, station)
        for name, station in (('1', 'a'), ('2', 'b'), ('3', 'c'), ('4', 'b'))
    )
    aligner.begin(running)
    assert recorder.entered.acquire(timeout=LIMIT)
    for each in (skipped, other, newest):
        aligner.begin(each)
    recorder.free.set()
    assert aligner.aligned(newest) == 'aligned 4'
    assert recorder.asked == ['1', '3', '4']
    assert aligner.aligned(skipped) == 'aligned 2'


def test_what_somebody_waits_for_does_not_give_way(aligner, recorder):
    recorder.free.clear()
    running, waited, newer = (
        feature(name, station) for name, station in (('1', 'a'), ('2', 'b'), ('3', 'b'))
    )
    aligner.begin(running)
    assert recorder.entered.acquire(timeout=LIMIT)
    results = []
    waiter = threading.Thread(target=lambda: results.append(aligner.aligned(waited)))
    waiter.start()
    wait_for(lambda: aligner._awaited, LIMIT)
    aligner.begin(newer)
    recorder.free.set()
    waiter.join(LIMIT)
    assert results == ['aligned 2']
    assert aligner.aligned(newer) == 'aligned 3'
    assert recorder.asked == ['1', '2', '3']


def test_one_result_of_a_station_is_kept(aligner, recorder):
    older, newer = feature('older'), feature('newer')
    for each in (older, newer, older, newer):
        aligner.aligned(each)
        assert len(aligner._results) == 1
    assert recorder.asked == ['older', 'newer'] * 2


def test_what_align_raises_reaches_whoever_asks_and_is_tried_again(aligner, recorder):
    bad = feature('bad')
    for _ in range(2):
        with pytest.raises(ValueError, match='bad feature'):
            aligner.aligned(bad)
    assert recorder.asked == ['bad', 'bad']
    assert aligner.aligned(feature('good')) == 'aligned good'


def test_nothing_is_kept_of_a_feature_that_is_gone(aligner):
    one = feature('one')
    aligner.aligned(one)
    del one
    assert aligner.aligned(feature('two', 'other')) == 'aligned two'  # the worker lets go of it
    gc.collect()
    assert not aligner._results
    assert not aligner._newest
