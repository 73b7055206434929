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

"""The ground picture: markings where the layout has them, mip levels that agree."""

import numpy as np
import pytest

from emiff_ros.dair.scenes.ground import EXTENT, Ground, make_ground
from emiff_ros.dair.scenes.layout import draw_junction

TEXEL = 0.2


@pytest.fixture(scope='module')
def junction():
    return draw_junction('train', np.random.default_rng(5))


@pytest.fixture(scope='module')
def ground(junction):
    return make_ground(junction, TEXEL, np.random.default_rng(6))


def at(ground, point, footprint=0.2):
    x, y = np.float32([point[0]]), np.float32([point[1]])
    return ground.sample(x, y, np.float32([footprint]))[0]


def test_stop_line_is_brighter_than_the_lane_before_it(junction, ground):
    for arm in junction.arms:
        lane = arm.lane_in(0)
        line = at(ground, arm.point(arm.stop + 0.2, lane))
        road = at(ground, arm.point(arm.stop + 3.0, lane))
        assert line.mean() > 3 * road.mean()


def test_zebra_has_stripes(junction, ground):
    arm = junction.arms[0]
    across = np.arange(arm.edge_out + 0.5, arm.edge_in - 0.6, 0.1)
    tones = np.array([at(ground, arm.point(arm.mouth + 2.3, s)).mean() for s in across])
    bright = tones > 0.5 * (tones.min() + tones.max())
    assert np.abs(np.diff(bright.astype(int))).sum() >= 2 * len(across) * 0.1 * 0.6


def test_coarse_levels_show_the_same_place(ground):
    rng = np.random.default_rng(0)
    points = rng.uniform(-60, 60, (400, 2)).astype(np.float32)
    fine = np.zeros((400, 3), dtype=np.float32)
    shifts = np.float32(np.arange(-0.7, 0.71, 0.2))
    for dx in shifts:
        for dy in shifts:
            small = np.full(400, TEXEL, np.float32)
            fine += ground.sample(points[:, 0] + dx, points[:, 1] + dy, small) / len(shifts) ** 2
    coarse = ground.sample(points[:, 0], points[:, 1], np.full(400, 1.6, np.float32))
    assert np.corrcoef(fine.ravel(), coarse.ravel())[0, 1] > 0.93


def test_coarse_levels_are_not_shifted():
    picture = np.zeros((1300, 1300, 3), dtype=np.uint8)
    picture[:, 650:] = 255
    levels = [picture, picture.reshape(650, 2, 650, 2, 3).mean((1, 3)).astype(np.uint8)]
    ground = Ground(tuple(levels), 2 * EXTENT / 1300)
    edge = np.float32([-0.1])  # middle between the last dark and the first bright texel
    for footprint in (0.2, 0.4):
        assert 0.1 < ground.sample(edge, edge, np.float32([footprint]))[0, 0] < 0.4


def test_albedo_is_physical(ground):
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-200, 200, (2, 5000)).astype(np.float32)
    colours = ground.sample(x, y, np.full(5000, 0.3, np.float32))
    assert colours.min() >= 0
    assert colours.max() <= 1
