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

"""Augmentation keeps pixels, calibration and boxes together."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from emiff_ros.geometry import box_corners
from emiff_ros.training.augmentation import (
    AugmentationConfig,
    augment,
    change_light,
    disturb_pose,
    disturb_roadside,
    mirror,
    resize,
    turn_camera,
)
from emiff_ros.training.sample import Sample, View, move_vehicle_frame

HEIGHT, WIDTH = 180, 320
FORWARD = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
MARKS = np.array([[10.0, 2.0, -0.5], [14.0, -3.0, 0.5], [20.0, 0.0, -1.0]])


def _view(position=(0.3, 0.1, 0.2)):
    intrinsics = np.array([[210.0, 0.0, 158.0], [0.0, 215.0, 93.0], [0.0, 0.0, 1.0]])
    extrinsics = np.hstack([FORWARD, -FORWARD @ np.reshape(position, (3, 1))])
    blank = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    return _draw(View(blank, intrinsics, extrinsics), MARKS)


def _draw(view, marks):
    """Paint one bright disc per mark, each in its own colour channel."""
    image = view.image.copy()
    for channel, (u, v) in enumerate(view.project(marks)[0]):
        colour = [0, 0, 0]
        colour[channel] = 255
        disc = np.zeros_like(image)
        cv2.circle(disc, (round(u), round(v)), 4, colour, -1)
        image |= disc
    return replace(view, image=image)


def _found(view):
    """Return the centre (u, v) of each channel's disc."""
    return np.array(
        [
            np.average(np.indices(plane.shape)[::-1].reshape(2, -1), axis=1, weights=plane.ravel())
            for plane in np.moveaxis(view.image, 2, 0).astype(float)
        ]
    )


@pytest.fixture
def sample():
    boxes = np.array(
        [[*mark, 4.2, 1.8, 1.5, yaw] for mark, yaw in zip(MARKS, (0.3, 1.9, -2.0), strict=True)]
    )
    ones = np.ones(len(boxes))
    return Sample('000001', _view(), _view((2.0, 1.0, 1.5)), boxes, ones, ones)


def test_the_drawing_is_where_the_projection_says(sample):
    for view in sample.views:
        np.testing.assert_allclose(_found(view), view.project(MARKS)[0], atol=0.6)


@pytest.mark.parametrize('seed', range(4))
def test_turned_and_zoomed_cameras_agree_with_their_pictures(sample, seed):
    config = AugmentationConfig(camera_turn_degrees=2.0, camera_zoom=0.15)
    turned = turn_camera(sample.vehicle, config, np.random.default_rng(seed))
    np.testing.assert_allclose(_found(turned), turned.project(MARKS)[0], atol=1.0)
    assert np.abs(_found(turned) - _found(sample.vehicle)).max() > 2.0
    rotation = turned.camera_from_vehicle[:, :3]
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)


def test_resized_views_agree_with_their_pictures(sample):
    resized = resize(sample.vehicle, 0.83)
    assert resized.image.shape == (149, 266, 3)
    np.testing.assert_allclose(_found(resized), resized.project(MARKS)[0], atol=1.0)


def test_a_moved_frame_keeps_every_pixel(sample):
    turn = np.radians(25.0)
    move = np.array(
        [
            [np.cos(turn), -np.sin(turn), 0.0, 3.0],
            [np.sin(turn), np.cos(turn), 0.0, -2.0],
            [0.0, 0.0, 1.0, 0.4],
        ]
    )
    moved = move_vehicle_frame(sample, move)
    assert np.abs(moved.boxes[:, :2] - sample.boxes[:, :2]).min() > 0.1
    before, after = box_corners(sample.boxes), box_corners(moved.boxes)
    for old, new in zip(sample.views, moved.views, strict=True):
        for corners, moved_corners in zip(before, after, strict=True):
            np.testing.assert_allclose(
                old.project(corners)[0], new.project(moved_corners)[0], atol=1e-6
            )


def test_mirrored_boxes_project_to_mirrored_pixels(sample):
    """As the network does it: points are mirrored back, projected, and their pixels mirrored."""
    mirrored = mirror(sample)
    assert mirrored.flipped
    for view in mirrored.views:
        pixels, _ = view.project(mirrored.boxes[:, :3] * [1.0, -1.0, 1.0])
        pixels[:, 0] = WIDTH - pixels[:, 0]
        np.testing.assert_allclose(_found(view), pixels, atol=1.6)
    corners = box_corners(mirrored.boxes)
    as_sets = np.sort(corners[:, :, 0] + 1j * corners[:, :, 1], axis=1)
    expected = np.sort(
        box_corners(sample.boxes)[:, :, 0] - 1j * box_corners(sample.boxes)[:, :, 1], axis=1
    )
    np.testing.assert_allclose(as_sets, expected, atol=1e-9)


def test_mirroring_twice_changes_nothing(sample):
    twice = mirror(mirror(sample))
    assert not twice.flipped
    np.testing.assert_array_equal(twice.boxes, sample.boxes)
    np.testing.assert_array_equal(twice.vehicle.image, sample.vehicle.image)


def test_light_changes_pixels_and_nothing_else(sample):
    config = AugmentationConfig(brightness=0.2, contrast=0.2, saturation=0.3, noise=5.0)
    image = np.full((60, 80, 3), (90, 120, 150), np.uint8)
    changed = change_light(image, config, np.random.default_rng(1))
    assert changed.dtype == np.uint8 and changed.shape == image.shape
    assert 0 < np.abs(changed.astype(int) - image).mean() < 100
    lit = augment(sample, config, np.random.default_rng(2))
    np.testing.assert_array_equal(lit.boxes, sample.boxes)
    np.testing.assert_array_equal(lit.vehicle.intrinsics, sample.vehicle.intrinsics)


def test_pose_noise_moves_the_roadside_camera_alone(sample):
    config = AugmentationConfig(pose_noise_metres=1.0, pose_noise_degrees=2.0)
    noisy = disturb_roadside(sample, config, np.random.default_rng(3))
    np.testing.assert_array_equal(
        noisy.vehicle.camera_from_vehicle, sample.vehicle.camera_from_vehicle
    )
    assert np.abs(noisy.infrastructure.project(MARKS)[0] - _found(sample.infrastructure)).max() > 2

    def centre(view):
        return np.linalg.solve(view.camera_from_vehicle[:, :3], -view.camera_from_vehicle[:, 3])

    turned = disturb_pose(
        sample.infrastructure,
        AugmentationConfig(pose_noise_degrees=3.0),
        np.random.default_rng(4),
    )
    np.testing.assert_allclose(centre(turned), centre(sample.infrastructure), atol=1e-9)


def test_no_pose_error_without_noise_or_without_the_roadside_view(sample):
    random = np.random.default_rng(3)
    assert disturb_roadside(sample, AugmentationConfig(), random) is sample
    alone = replace(sample, infrastructure=None)
    assert disturb_roadside(alone, AugmentationConfig(pose_noise_metres=1.0), random) is alone


def test_the_same_seed_gives_the_same_sample(sample):
    config = AugmentationConfig(
        camera_turn_degrees=1.0,
        camera_zoom=0.1,
        frame_turn_degrees=10.0,
        frame_shift=2.0,
        frame_lift=0.1,
        brightness=0.1,
        noise=3.0,
    )
    first, second = (augment(sample, config, np.random.default_rng(9)) for _ in range(2))
    np.testing.assert_array_equal(first.vehicle.image, second.vehicle.image)
    np.testing.assert_array_equal(first.boxes, second.boxes)


def test_visible_counts_present_views_and_their_borders(sample):
    hidden = replace(
        sample,
        boxes=np.vstack([sample.boxes, [10.0, 30.0, 0.0, 4.0, 2.0, 1.5, 0.0]]),
        vehicle_visible=np.array([0.0, 0.2, 0.5, 1.0]),
        infrastructure_visible=np.array([0.9, 0.1, 0.0, 1.0]),
    )
    np.testing.assert_allclose(hidden.visible(), [0.9, 0.2, 0.5, 0.0])
    alone = replace(hidden, infrastructure=None)
    np.testing.assert_allclose(alone.visible(), [0.0, 0.2, 0.5, 0.0])


@pytest.mark.parametrize('factor', [(1.05, 0.95), (0.0, 1.0), (1.0, float('inf'))])
def test_a_range_of_sizes_that_is_none_is_refused(factor):
    with pytest.raises(ValueError, match=r'resize_factor is \(.*expected \(smallest, largest\)'):
        AugmentationConfig(resize_factor=factor)
