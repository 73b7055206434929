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

"""Visible shares: nothing hidden, half hidden, all hidden, cut by the image border."""

import numpy as np
import pytest

from emiff_ros.dair.scenes.lighting import draw_light
from emiff_ros.dair.scenes.meshes import MeshBuilder
from emiff_ros.dair.scenes.renderer import PinholeCamera, Stage
from emiff_ros.dair.scenes.vehicles import fleet
from emiff_ros.dair.scenes.visibility import (
    Sight,
    Solid,
    instance_rectangles,
    observe,
    observe_from_point,
)

BUS = next(model for model in fleet('train') if model.kind == 'bus')
CAR = fleet('train')[0]


def wall(x, y0, y1, height=6.0):
    builder = MeshBuilder()
    builder.box([x, y0, 0], [x + 0.2, y1, height], (0.5, 0.5, 0.5))
    return builder.build()


def stage_with(model, pose, *obstacles):
    parts = [(model.mesh.placed(*pose), 3), *((mesh, 0) for mesh in obstacles)]
    return Stage(parts, None, draw_light(np.random.default_rng(0))), Solid(model, pose, 3)


def camera(size=(1080, 1920), focal=800.0, height=1.5):
    linear = np.array([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]])
    extrinsics = np.column_stack([linear, -linear @ [0.0, 0.0, height]])
    intrinsics = np.array([[focal, 0, size[1] / 2], [0, focal, size[0] / 2], [0, 0, 1]])
    return PinholeCamera(intrinsics, extrinsics, size)


def test_free_vehicle_is_wholly_visible():
    stage, solid = stage_with(CAR, (20.0, 2.0, 0.7))
    sight = observe(stage, camera(), solid)
    assert sight.visible_fraction == pytest.approx(1.0)
    assert (sight.occluded_state, sight.truncated_state) == (0, 0)
    assert sight.is_visible
    pixels, _ = camera().project(solid.corners)
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    np.testing.assert_allclose(sight.rectangle[:2], low, atol=0.2 * (high - low).max())
    np.testing.assert_allclose(sight.rectangle[2:], high, atol=0.2 * (high - low).max())


def test_wall_hides_half_of_a_bus_that_stands_across():
    stage, solid = stage_with(BUS, (30.0, 0.0, np.pi / 2), wall(25.0, 0.0, 20.0))
    sight = observe(stage, camera(), solid)
    assert sight.visible_fraction == pytest.approx(0.5, abs=0.06)
    assert sight.inside_fraction == 1.0
    assert sight.occluded_state in (1, 2)


def test_vehicle_behind_a_wall_is_invisible():
    stage, solid = stage_with(CAR, (30.0, 0.0, 0.0), wall(25.0, -10.0, 10.0))
    sight = observe(stage, camera(), solid)
    assert sight.visible_fraction == 0.0
    assert sight.occluded_state == 2
    assert not sight.is_visible


@pytest.mark.parametrize('pose', [(-20.0, 0.0, 0.0), (5.0, 60.0, 0.0)])
def test_vehicle_outside_the_image_is_unseen(pose):
    stage, solid = stage_with(CAR, pose)
    sight = observe(stage, camera(), solid)
    assert (sight.visible_fraction, sight.rectangle) == (0.0, None)


def test_vehicle_at_the_border_is_truncated():
    focal = 800.0
    y = 20.0 * 960 / focal  # its middle lies on the left border
    stage, solid = stage_with(CAR, (20.0, y, 0.0))
    sight = observe(stage, camera(), solid)
    assert sight.truncated_state == 1
    assert 0.2 < sight.visible_fraction < 0.8
    assert sight.occluded_fraction == pytest.approx(0.0, abs=0.01)
    assert sight.rectangle[0] == pytest.approx(0.0, abs=3)


def test_vehicle_that_reaches_behind_the_camera_is_measured():
    stage, solid = stage_with(BUS, (2.0, 3.0, 0.0))
    sight = observe(stage, camera(), solid)
    assert 0.0 < sight.visible_fraction <= 1.0
    assert sight.truncated_state == 1


def test_share_does_not_depend_on_the_image_size():
    stage, solid = stage_with(BUS, (30.0, 0.0, np.pi / 2), wall(25.0, 1.0, 20.0))
    full = observe(stage, camera(), solid)
    third = observe(stage, camera((360, 640), 800 / 3), solid)
    assert third.visible_fraction == pytest.approx(full.visible_fraction, abs=0.02)
    assert third.visible_area == pytest.approx(full.visible_area, rel=0.03)


def test_lidar_sees_all_round():
    stage, solid = stage_with(CAR, (-15.0, 5.0, 0.0))
    assert observe_from_point(stage, np.array([0.0, 0.0, 1.8]), solid) == pytest.approx(1.0)
    stage, solid = stage_with(CAR, (-15.0, 0.0, 0.0), wall(-10.0, -8.0, 8.0))
    assert observe_from_point(stage, np.array([0.0, 0.0, 1.8]), solid) == 0.0


@pytest.mark.parametrize(
    ('hidden', 'state'), [(0.0, 0), (0.09, 0), (0.11, 1), (0.5, 1), (0.51, 2), (1.0, 2)]
)
def test_occluded_state_follows_the_hidden_share(hidden, state):
    sight = Sight(1 - hidden, 1.0, hidden, 500.0, None, (False, False))
    assert sight.occluded_state == state


def test_small_or_mostly_hidden_vehicles_do_not_count_as_visible():
    whole = (False, False)
    assert Sight(0.25, 1.0, 0.75, 100.0, None, whole).is_visible
    assert not Sight(0.24, 1.0, 0.76, 900.0, None, whole).is_visible
    assert not Sight(1.0, 1.0, 0.0, 99.0, None, whole).is_visible


def test_instance_rectangles_are_tight():
    buffer = np.zeros((20, 30), dtype=np.int32)
    buffer[3:7, 5:9] = 4
    buffer[10, 12] = 9
    buffer[18, 29] = 4
    assert instance_rectangles(buffer) == {4: (5, 3, 29, 18), 9: (12, 10, 12, 10)}
    assert instance_rectangles(np.zeros((4, 4), dtype=np.int32)) == {}
