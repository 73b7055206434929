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

"""Ground truth in the frame it is learned in: cooperative labels and each side's own."""

from dair.dair_folder import CAMERA_FROM_VIRTUAL_LIDAR, OBJECTS
import numpy as np
import pytest
from training.tiny import tiny_folder, tiny_model

from emiff_ros.geometry import box_corners, compose, transform_points
from emiff_ros.training.config import GroundTruthConfig
from emiff_ros.training.data_check import BrokenDataError, check_sources
from emiff_ros.training.dataset import CooperativeDataset, FolderPairs
from emiff_ros.training.scene import read_scene, vehicle_from_virtual_lidar

CARS = np.array([box for _, box in OBJECTS[:4]])


def test_own_labels_of_the_vehicle_are_in_its_lidar_frame(tmp_path):
    pair = tiny_folder(tmp_path).pairs[1]
    scene = read_scene(pair, 'vehicle')
    np.testing.assert_allclose(scene.boxes, CARS)
    np.testing.assert_allclose(scene.vehicle_camera_from_frame, pair.vehicle.camera_from_vehicle())
    assert scene.vehicle_visible.all() and not scene.infrastructure_visible.any()


def test_own_labels_of_the_roadside_are_in_its_virtual_lidar_frame(tmp_path):
    pair = tiny_folder(tmp_path).pairs[1]
    scene = read_scene(pair, 'infrastructure')
    np.testing.assert_allclose(scene.boxes, CARS)
    np.testing.assert_allclose(scene.corners, box_corners(CARS))
    np.testing.assert_allclose(scene.infrastructure_camera_from_frame, CAMERA_FROM_VIRTUAL_LIDAR)
    assert scene.infrastructure_visible.all() and not scene.vehicle_visible.any()


def test_both_frames_see_a_point_at_the_same_place(tmp_path):
    """The pair's offset is part of the way from one frame to the other."""
    pair = tiny_folder(tmp_path).pairs[0]
    assert pair.offset != (0.0, 0.0)
    own, common = read_scene(pair, 'infrastructure'), read_scene(pair, 'cooperative')
    points = np.array([[20.0, 3.0, -1.0], [45.0, -8.0, 0.5]])
    in_vehicle = transform_points(vehicle_from_virtual_lidar(pair), points)
    for side in ('vehicle', 'infrastructure'):
        name = f'{side}_camera_from_frame'
        np.testing.assert_allclose(
            transform_points(getattr(own, name), points),
            transform_points(getattr(common, name), in_vehicle),
            atol=1e-6,
        )
    np.testing.assert_allclose(
        compose(common.infrastructure_camera_from_frame, vehicle_from_virtual_lidar(pair)),
        CAMERA_FROM_VIRTUAL_LIDAR,
        atol=1e-6,
    )


def _data(folder, root, modality, **ground_truth):
    pairs = [FolderPairs(folder, folder.pairs)]
    truth = GroundTruthConfig(**ground_truth)
    return CooperativeDataset(pairs, tiny_model(modality=modality), None, truth, 0, root / 'cache')


def test_a_network_of_one_side_learns_its_own_labels(tmp_path):
    folder = tiny_folder(tmp_path)
    roadside = _data(folder, tmp_path, 'infrastructure_only', labels='infrastructure')
    np.testing.assert_allclose(roadside[0].sample.boxes, CARS, atol=1e-6)
    vehicle = _data(folder, tmp_path, 'vehicle_only', labels='vehicle')
    assert vehicle[0].sample.infrastructure is None
    with pytest.raises(ValueError, match='labels is vehicle and modality is cooperative'):
        _data(folder, tmp_path, 'cooperative', labels='vehicle')
    with pytest.raises(ValueError, match='expected modality infrastructure_only'):
        _data(folder, tmp_path, 'vehicle_only', labels='infrastructure')


def test_what_the_absent_vehicle_sees_does_not_count(tmp_path):
    """All objects lie in the vehicle's image; the roadside camera shows fewer of them."""
    folder = tiny_folder(tmp_path)
    truth = {'min_visible_fraction': 0.5, 'unseen': 'ignore'}
    both = _data(folder, tmp_path, 'cooperative', **truth)[0]
    alone = _data(folder, tmp_path, 'infrastructure_only', **truth)[0]
    shown = alone.sample.infrastructure.sees(alone.sample.boxes[:, :3] + [0.0, 0.0, 0.75])
    assert not both.ignored.any()
    assert alone.ignored.sum() == (~shown).sum() > 0


def test_broken_own_labels_are_listed(tmp_path):
    folder = tiny_folder(tmp_path)
    label = folder.pairs[1].vehicle.path('label_camera_std_path')
    label.unlink()
    sources = [FolderPairs(folder, folder.pairs)]
    check_sources(sources)
    with pytest.raises(BrokenDataError, match=f'1 problems(.|\n)*{label}'):
        check_sources(sources, 'vehicle')
