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

"""Junctions: lanes keep right, routes are smooth, layouts of splits differ."""

import numpy as np
import pytest

from emiff_ros.dair.scenes.layout import _LAYOUTS, ARM_LENGTH, draw_junction
from emiff_ros.geometry import wrap_to_pi

CASES = [(split, seed) for split in ('train', 'val', 'test') for seed in range(6)]


@pytest.mark.parametrize(('split', 'seed'), CASES)
def test_routes_follow_their_lanes_on_the_right(split, seed):
    junction = draw_junction(split, np.random.default_rng(seed))
    assert junction.routes
    for route in junction.routes:
        entry, exit_ = junction.arms[route.entry], junction.arms[route.exit]
        x, y, heading = route.pose(20.0)
        assert 0 < np.array([x, y]) @ entry.left < entry.edge_in
        assert np.cos(heading - entry.angle - np.pi) > 0.999
        x, y, heading = route.pose(route.length - 20.0)
        assert entry is not exit_
        assert exit_.edge_out < np.array([x, y]) @ exit_.left < 0
        assert np.cos(heading - exit_.angle) > 0.999


@pytest.mark.parametrize(('split', 'seed'), CASES)
def test_routes_turn_smoothly(split, seed):
    junction = draw_junction(split, np.random.default_rng(seed))
    for route in junction.routes:
        headings = [route.pose(s)[2] for s in np.arange(2, route.length - 2, 0.5)]
        turn = np.abs(wrap_to_pi(np.diff(headings)))
        assert turn.max() < np.radians(17)  # tighter than 1.7 m radius no vehicle turns


@pytest.mark.parametrize(('split', 'seed'), CASES)
def test_stop_line_lies_before_the_junction(split, seed):
    junction = draw_junction(split, np.random.default_rng(seed))
    for route in junction.routes:
        arm = junction.arms[route.entry]
        x, y, _ = route.pose(route.stop_arc)
        assert np.array([x, y]) @ arm.outward == pytest.approx(arm.stop, abs=0.1)
        assert arm.mouth < arm.stop < ARM_LENGTH / 2


def test_kerb_corner_joins_the_two_arms():
    junction = draw_junction('train', np.random.default_rng(1))
    for index, arm in enumerate(junction.arms):
        following = junction.arms[(index + 1) % len(junction.arms)]
        curve = junction.corner(index)
        np.testing.assert_allclose(curve[0], arm.point(arm.mouth, arm.edge_in))
        np.testing.assert_allclose(curve[-1], following.point(following.mouth, following.edge_out))


def test_layouts_of_the_splits_are_disjoint():
    angles = {split: {layout for _, layout in layouts} for split, layouts in _LAYOUTS.items()}
    assert not angles['train'] & angles['test']
    assert not angles['train'] & angles['val']
    assert not angles['val'] & angles['test']


def test_unknown_split_is_refused():
    with pytest.raises(ValueError, match="unknown split 'all'"):
        draw_junction('all', np.random.default_rng(0))
