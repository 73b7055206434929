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

"""Pose errors, delays and exposure: their sizes, and that all networks get the same ones."""

from dair.dair_folder import write_dair_folder
import numpy as np
import pytest

from emiff_ros.comparison.disturbance import (
    Disturbance,
    delayed_pairs,
    disturbed_camera,
    disturbed_pose,
    expose,
)
from emiff_ros.dair.reader import DairFolder
from emiff_ros.geometry import invert_affine, transform_points
from emiff_ros.training.scene import vehicle_from_virtual_lidar


@pytest.fixture
def folder(tmp_path):
    return DairFolder(write_dair_folder(tmp_path))


def camera_centre(camera_from_vehicle):
    return invert_affine(camera_from_vehicle)[:, 3]


@pytest.mark.parametrize('metres', [0.5, 2.0])
def test_a_shift_moves_the_camera_by_its_size(folder, metres):
    for pair in folder.pairs:
        true = pair.camera_from_vehicle()
        error = Disturbance('position', metres).pose_error(pair)
        moved = camera_centre(disturbed_camera(true, error)) - camera_centre(true)
        assert np.linalg.norm(moved) == pytest.approx(metres)
        assert moved[2] == pytest.approx(0.0, abs=1e-9)


def test_a_turn_is_about_the_cameras_vertical(folder):
    pair = folder.pairs[0]
    true = pair.camera_from_vehicle()
    error = Disturbance('heading', 3.0).pose_error(pair)
    believed = disturbed_camera(true, error)
    np.testing.assert_allclose(camera_centre(believed), camera_centre(true), atol=1e-9)
    relative = np.linalg.inv(true[:, :3]) @ believed[:, :3]
    assert abs(np.degrees(np.arctan2(relative[1, 0], relative[0, 0]))) == pytest.approx(3.0)


@pytest.mark.parametrize('kind', ['position', 'heading'])
def test_features_and_boxes_of_a_station_are_off_alike(folder, kind):
    """A place that the station knows is seen at the same pixel from where it is believed to be."""
    pair = folder.pairs[2]
    error = Disturbance(kind, 1.5).pose_error(pair)
    in_station = np.array([[30.0, 4.0, -1.0], [55.0, -9.0, 0.3]])
    believed = transform_points(
        disturbed_pose(vehicle_from_virtual_lidar(pair), error), in_station
    )
    seen = transform_points(disturbed_camera(pair.camera_from_vehicle(), error), believed)
    own = transform_points(pair.infrastructure.camera_from_virtual_lidar(), in_station)
    np.testing.assert_allclose(seen, own, atol=1e-6)


def test_errors_follow_from_the_frame_and_the_seed(folder):
    first, second = folder.pairs[:2]
    shift = Disturbance('position', 1.0)
    np.testing.assert_array_equal(shift.pose_error(first), shift.pose_error(first))
    assert not np.allclose(shift.pose_error(first), shift.pose_error(second))
    assert not np.allclose(shift.pose_error(first), shift.pose_error(first, seed=1))
    double = Disturbance('position', 2.0).pose_error(first)
    np.testing.assert_allclose(double[:2, 3], 2.0 * shift.pose_error(first)[:2, 3])
    for other in (Disturbance(), Disturbance('delay', 300.0), Disturbance('exposure', 2.0)):
        np.testing.assert_array_equal(other.pose_error(first), np.eye(4))


def test_exposure_doubles_the_light():
    picture = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    assert expose(picture, 0.0) is picture
    brighter, darker = expose(picture, 1.0), expose(picture, -1.0)
    light = ((np.array([100, brighter[6, 4, 0], darker[6, 4, 0]]) / 255.0) ** 2.2).tolist()
    assert light[1] == pytest.approx(2 * light[0], rel=0.02)
    assert light[2] == pytest.approx(light[0] / 2, rel=0.02)
    assert brighter.max() == 255 and (np.diff(brighter[..., 0].ravel().astype(int)) >= 0).all()


def test_delayed_pairs_are_the_same_for_every_delay(folder):
    """Roadside frames are 100 ms apart: the first two pairs have none that is 200 ms older."""
    found = delayed_pairs(folder, folder.pairs, [0.0, 100.0, 190.0])
    assert {
        key: [p.vehicle.frame_id for p in pairs] for key, pairs in found.items()
    } == dict.fromkeys((0.0, 100.0, 190.0), ['001002', '001003'])
    assert [p.infrastructure.frame_id for p in found[190.0]] == ['000010', '000011']
    assert [p.infrastructure.frame_id for p in found[0.0]] == ['000012', '000013']
    assert delayed_pairs(folder, folder.pairs, [0.0, 900.0])[900.0] == []
