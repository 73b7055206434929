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

"""Projection of boxes and ground, compared with points sampled densely along them."""

import numpy as np
import pytest
import shapely
from viz.scene import SIZE, camera, car

from emiff_ros.geometry import box_corners
from emiff_ros.viz.projection import (
    BOX_EDGES,
    FRONT_FACE,
    NEAR,
    CameraView,
    clip_polygon,
    frustum_planes,
    ground_footprint,
    project_boxes,
    project_polygon,
    project_segments,
)

HEIGHT, WIDTH = SIZE


def pixels_of(view, points):
    homogeneous = view.homogeneous_pixels(points)
    depth = homogeneous[..., 2]
    with np.errstate(divide='ignore', invalid='ignore'):
        return homogeneous[..., :2] / depth[..., None], depth


def is_inside(pixels, depth):
    return (
        (depth >= NEAR)
        & (pixels[..., 0] >= 0)
        & (pixels[..., 0] <= WIDTH)
        & (pixels[..., 1] >= 0)
        & (pixels[..., 1] <= HEIGHT)
    )


def test_straight_ahead_is_the_principal_point_and_left_is_left():
    pixels, depth = pixels_of(camera(), [[10.0, 0.0, 0.0], [10.0, 2.0, 0.0], [10.0, 0.0, 2.0]])
    np.testing.assert_allclose(pixels[0], [WIDTH / 2, HEIGHT / 2])
    np.testing.assert_allclose(depth, 10.0)
    assert pixels[1][0] < WIDTH / 2
    assert pixels[2][1] < HEIGHT / 2


def test_the_position_is_where_depth_and_direction_vanish_also_without_a_rotation():
    stretched = camera(3.0, -2.0, 1.5, 0.4).camera_from_vehicle.copy()
    stretched[1] *= 0.8
    view = CameraView(camera().intrinsics, stretched)
    np.testing.assert_allclose(view.position, [3.0, -2.0, 1.5])
    np.testing.assert_allclose(view.homogeneous_pixels(view.position), 0, atol=1e-9)


def test_a_scaled_camera_gives_scaled_pixels():
    points = [[10.0, 1.0, 0.5], [20.0, -3.0, -1.0]]
    pixels, _ = pixels_of(camera(), points)
    scaled, _ = pixels_of(camera().scaled(0.5, 2.0), points)
    np.testing.assert_allclose(scaled, pixels * [0.5, 2.0])


def test_visible_parts_of_edges_equal_those_of_sampled_points():
    rng = np.random.default_rng(5)
    boxes = np.column_stack(
        [
            rng.uniform(-4, 25, 60),
            rng.uniform(-9, 9, 60),
            rng.uniform(-3, 1, 60),
            rng.uniform(1, 14, 60),
            rng.uniform(1, 4, 60),
            rng.uniform(1, 4, 60),
            rng.uniform(-np.pi, np.pi, 60),
        ]
    )
    view = camera(yaw=0.2, pitch_down=0.1)
    pixels, visible = project_boxes(view, boxes, SIZE)
    ends = box_corners(boxes)[:, BOX_EDGES]
    share = np.linspace(0, 1, 4001)[:, None]
    cut = 0
    for box in range(len(boxes)):
        for edge in range(12):
            start, end = ends[box, edge]
            points, depth = pixels_of(view, start + (end - start) * share)
            inside = is_inside(points, depth)
            if not inside.any():
                continue
            assert visible[box, edge]
            seen = points[inside]
            step = np.abs(np.diff(seen, axis=0)).max() if len(seen) > 1 else 1.0
            found = pixels[box, edge]
            assert np.abs(found[0] - seen[0]).max() <= 2 * step + 1e-6
            assert np.abs(found[1] - seen[-1]).max() <= 2 * step + 1e-6
            cut += not inside.all()
    assert cut > 50
    assert not visible.all()


def test_a_box_around_the_camera_has_edges_that_start_at_the_image_border():
    pixels, visible = project_boxes(camera(), [[0.0, 0.0, -1.0, 10.0, 4.0, 2.0, 0.0]], SIZE)
    assert visible.any()
    shown = pixels[visible]
    assert ((shown >= -1e-6) & (shown <= [WIDTH + 1e-6, HEIGHT + 1e-6])).all()


def test_a_box_behind_the_camera_is_invisible():
    pixels, visible = project_boxes(camera(), [car(-15.0, 0.0)], SIZE)
    assert not visible.any()
    assert not pixels.any()
    assert project_polygon(camera(), box_corners([car(-15.0, 0.0)])[0, FRONT_FACE], SIZE).size == 0


def test_polygons_ahead_are_cut_like_flat_ones():
    corners = box_corners([car(3.0, 4.0, 0.3)])[0, FRONT_FACE]
    points, _ = pixels_of(camera(), corners)
    expected = shapely.Polygon(points).intersection(shapely.box(0, 0, WIDTH, HEIGHT))
    assert 0 < expected.area < shapely.Polygon(points).area
    found = shapely.Polygon(project_polygon(camera(), corners, SIZE))
    assert found.symmetric_difference(expected).area < 1e-6


@pytest.mark.parametrize(
    'view', [camera(), camera(40.0, 20.0, 5.0, -2.2, 0.3), camera(0.0, 0.0, 2.0, 3.0, 0.5)]
)
def test_the_footprint_holds_the_ground_points_that_the_image_shows(view):
    area = np.array([[-10.0, -40, -1.8], [-10, 40, -1.8], [90, 40, -1.8], [90, -40, -1.8]])
    footprint = ground_footprint(view, SIZE, area)
    x, y = np.meshgrid(np.arange(-9.9, 90, 1.7), np.arange(-39.9, 40, 1.7))
    points = np.stack([x, y, np.full_like(x, -1.8)], axis=-1).reshape(-1, 3)
    inside = is_inside(*pixels_of(view, points))
    polygon = shapely.Polygon(footprint[:, :2])
    border = shapely.distance(polygon.boundary, shapely.points(points[:, :2])) < 1e-6
    held = shapely.contains_xy(polygon, points[:, 0], points[:, 1])
    np.testing.assert_array_equal(held[~border], inside[~border])
    assert inside.any()
    assert not inside.all()


def test_a_camera_that_looks_up_has_no_footprint():
    area = [[0.0, -5, -1.8], [0, 5, -1.8], [50, 5, -1.8], [50, -5, -1.8]]
    assert ground_footprint(camera(pitch_down=-1.2), SIZE, area).shape == (0, 3)


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: CameraView(np.eye(4), np.eye(4)[:3]), 'intrinsics'),
        (lambda: CameraView(np.diag([0.0, 1, 1]), np.eye(4)[:3]), 'focal lengths are 0.0'),
        (lambda: CameraView(np.eye(3), np.zeros((3, 4))), 'camera_from_vehicle'),
        (lambda: camera().homogeneous_pixels([1.0, 2.0]), r'\[..., 3\]'),
        (lambda: project_segments(camera(), np.zeros((2, 3)), SIZE), r'\[S, 2, 3\]'),
        (lambda: project_boxes(camera(), np.zeros((1, 6)), SIZE), r'\[N, 7\]'),
        (lambda: clip_polygon(np.zeros((4, 2)), np.zeros((1, 3))), r'\[P, V\]'),
    ],
)
def test_wrong_shapes_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_no_boxes_give_no_pixels():
    pixels, visible = project_boxes(camera(), np.empty((0, 7)), SIZE)
    assert pixels.shape == (0, 12, 2, 2)
    assert visible.shape == (0, 12)
    assert frustum_planes(SIZE).shape == (5, 4)
