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

"""Cameras: calibration like DAIR-V2X-C's, held-out ranges, true geometry."""

import numpy as np
import pytest

from emiff_ros.dair.scenes.cameras import (
    draw_held_out,
    draw_map_from_scene,
    draw_rig,
    draw_station,
    make_station,
    rotation_zyx,
)
from emiff_ros.dair.scenes.layout import draw_junction
from emiff_ros.geometry import compose, invert_affine, is_rigid, transform_points

FULL = (1080, 1920)


def test_held_out_range_is_never_trained_on():
    rng = np.random.default_rng(0)
    train = np.array([draw_held_out(rng, 'train', 10, 20) for _ in range(500)])
    test = np.array([draw_held_out(rng, 'test', 10, 20) for _ in range(500)])
    assert ((train < 14) | (train >= 16)).all()
    assert train.min() < 10.5
    assert train.max() > 19.5
    assert ((test >= 14) & (test < 16)).all()


@pytest.mark.parametrize('split', ['train', 'test'])
def test_vehicle_camera_looks_ahead_from_the_roof(split):
    rig = draw_rig(split, FULL, np.random.default_rng(3))
    scene_from_vehicle = rig.scene_from_vehicle((40.0, -20.0, 2.0), 1.3)
    camera = rig.camera(scene_from_vehicle, FULL)
    ahead = transform_points(scene_from_vehicle, [[30.0, 0.0, 0.0]])
    pixel, depth = camera.project(ahead)
    assert depth[0] == pytest.approx(30, abs=0.5)
    assert np.abs(pixel[0] - [975, 565]).max() < 120
    assert 1.4 < camera.centre[2] < 1.7
    assert 1.7 < scene_from_vehicle[2, 3] < 1.9
    assert 700 < rig.intrinsics[0, 0] < 900
    assert is_rigid(rig.camera_from_vehicle, 1e-9)
    assert is_rigid(rig.novatel_from_vehicle, 1e-9)


def test_left_of_the_vehicle_is_left_in_its_image():
    rig = draw_rig('train', FULL, np.random.default_rng(3))
    scene_from_vehicle = rig.scene_from_vehicle((0.0, 0.0, 0.5), 0.0)
    camera = rig.camera(scene_from_vehicle, FULL)
    points = transform_points(scene_from_vehicle, [[20.0, 5.0, 0.0], [20.0, 0.0, 2.0]])
    (left, up), _ = camera.project(points)
    assert left[0] < 900
    assert up[1] < 530


@pytest.mark.parametrize('seed', range(6))
def test_station_camera_looks_down_on_the_road(seed):
    rng = np.random.default_rng(seed)
    station = make_station(
        'train', np.array([5.0, 8.0]), np.array([5.0, 8.0]), 7.0, 0.7, FULL, rng
    )
    camera = station.camera(FULL)
    np.testing.assert_allclose(camera.centre, [5.0, 8.0, 7.0], atol=1e-9)
    pixel, depth = camera.project(np.array([[5 + 32 * np.cos(0.7), 8 + 32 * np.sin(0.7), 0.0]]))
    assert depth[0] == pytest.approx(32, abs=2)
    assert np.abs(pixel[0] - [960, 545]).max() < 350
    assert (
        5 < transform_points(invert_affine(station.scene_from_virtual_lidar), camera.centre)[2] < 6
    )


def test_some_stations_have_a_block_that_is_no_rotation():
    rng = np.random.default_rng(0)
    place = np.zeros(2)
    stations = [make_station('train', place, place, 7, 0, FULL, rng) for _ in range(30)]
    rigid = [is_rigid(station.camera_from_virtual_lidar, 1e-6) for station in stations]
    assert 5 < sum(rigid) < 25
    determinants = [np.linalg.det(s.camera_from_virtual_lidar[:, :3]) for s in stations]
    assert 0.75 < min(determinants) < 0.95


def test_rays_invert_projection_for_an_affine_camera():
    rng = np.random.default_rng(1)
    stations = [make_station('train', np.zeros(2), np.zeros(2), 7, 0, FULL, rng) for _ in range(8)]
    points = np.column_stack([rng.uniform(20, 90, 50), rng.uniform(-10, 10, 50), np.zeros(50)])
    for station in stations:
        camera = station.camera(FULL)
        pixels, _ = camera.project(points)
        rays = camera.rays(pixels).astype(float)
        towards = points - camera.centre
        towards /= np.linalg.norm(towards, axis=1, keepdims=True)
        np.testing.assert_allclose(rays, towards, atol=2e-6)


def test_intrinsics_scale_with_the_image_size():
    full = draw_rig('train', FULL, np.random.default_rng(9)).intrinsics
    half = draw_rig('train', (540, 960), np.random.default_rng(9)).intrinsics
    np.testing.assert_allclose(half[:2], full[:2] / 2)


def test_station_turns_to_the_traffic():
    rng = np.random.default_rng(4)
    junction = draw_junction('train', rng)
    arm = junction.arms[0]
    places = np.array([arm.point(d, arm.lane_in(0)) for d in np.arange(25, 75, 7.0)])
    seen = []
    for _ in range(10):
        station = draw_station('train', junction, 0, places, FULL, rng)
        pixels, depth = station.camera(FULL).project(np.column_stack([places, np.zeros(8)]))
        seen.append(((depth > 0) & (pixels > 0).all(1) & (pixels < [1920, 1080]).all(1)).mean())
    assert np.mean(seen) > 0.6


def test_world_pose_is_rigid_and_nearly_level():
    for seed in range(5):
        pose = draw_map_from_scene(np.random.default_rng(seed))
        assert is_rigid(pose, 1e-9)
        assert pose[2, 2] > np.cos(np.radians(2.5))
        assert np.linalg.norm(pose[:2, 3]) > 2000


def test_rotation_order():
    nose_down = rotation_zyx(0.0, 0.2, 0.0) @ [1.0, 0.0, 0.0]
    assert nose_down[2] < 0
    turned = compose(np.hstack([rotation_zyx(np.pi / 2, 0, 0), np.zeros((3, 1))]), np.eye(4)[:3])
    np.testing.assert_allclose(turned[:, :3] @ [1, 0, 0], [0, 1, 0], atol=1e-12)
