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

"""Traffic: no vehicle drives through another, red arms wait, the ego vehicle comes first."""

import numpy as np
import pytest

from emiff_ros.dair.scenes.layout import draw_junction
from emiff_ros.dair.scenes.traffic import TrafficModel, _overlap, _rectangle
from emiff_ros.dair.scenes.vehicles import fleet

DURATION = 4.0


def make_traffic(seed):
    rng = np.random.default_rng(seed)
    return TrafficModel(draw_junction('train', rng), fleet('train'), DURATION, rng)


@pytest.fixture(scope='module', params=[0, 1, 2])
def traffic(request):
    return make_traffic(request.param)


def test_there_is_traffic_and_the_ego_vehicle_is_first(traffic):
    assert 12 <= len(traffic.actors) <= 90
    assert traffic.ego.identity == 1
    assert traffic.ego.route is not None
    assert len({actor.identity for actor in traffic.actors}) == len(traffic.actors)


def test_vehicles_never_overlap(traffic):
    for time in np.arange(0.0, DURATION, 0.3):
        shapes = [_rectangle(a.pose(time), a.model, 0.0) for a in traffic.actors]
        for i, first in enumerate(shapes):
            for second in shapes[i + 1 :]:
                assert not _overlap(first, second)


def test_speeds_and_accelerations_are_those_of_vehicles(traffic):
    for actor in traffic.actors:
        if actor.route is None:
            continue
        speeds = np.diff(actor.positions) / 0.2
        assert speeds.min() >= -1e-9
        assert speeds.max() <= 20
        assert np.abs(np.diff(speeds)).max() / 0.2 <= 8.1


def test_nobody_crosses_a_red_stop_line(traffic):
    for actor in traffic.actors:
        if actor.route is None or actor.route.entry in traffic.green_arms:
            continue
        nose = np.array(actor.positions) + actor.model.length / 2
        waited = nose[0] < actor.route.stop_arc - 1.0
        assert not (waited and nose[-1] > actor.route.stop_arc + 1.0)


def test_pose_moves_continuously_between_steps(traffic):
    moving = max(
        (a for a in traffic.actors if a.route is not None),
        key=lambda a: a.positions[-1] - a.positions[0],
    )
    places = np.array([moving.pose(t)[:2] for t in np.arange(0.4, 2.0, 0.02)])
    steps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    assert steps.max() < 0.45
    assert steps.sum() > 1.0


def test_same_seed_gives_the_same_traffic():
    first, second = make_traffic(7), make_traffic(7)
    for a, b in zip(first.actors, second.actors, strict=True):
        assert a.model is b.model
        assert a.paint == b.paint
        assert a.pose(1.7) == b.pose(1.7)


def test_rectangles_overlap_only_when_they_do():
    model = fleet('train')[0]
    here = _rectangle((0, 0, 0), model, 0.0)
    assert _overlap(here, _rectangle((model.length * 0.9, 0, 0.3), model, 0.0))
    assert not _overlap(here, _rectangle((0, model.width * 1.1, 0), model, 0.0))
    assert not _overlap(here, _rectangle((model.length, model.width, np.pi / 4), model, 0.0))
