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

"""Ray casting: true occlusion, shadows, the same picture twice."""

from dataclasses import replace

import numpy as np
import pytest

from emiff_ros.dair.scenes.ground import EXTENT, Ground
from emiff_ros.dair.scenes.lighting import draw_light
from emiff_ros.dair.scenes.meshes import MeshBuilder
from emiff_ros.dair.scenes.renderer import NO_INSTANCE, PinholeCamera, Stage

SIZE = (120, 160)


def grey_ground():
    return Ground((np.full((256, 256, 3), 110, dtype=np.uint8),), 2 * EXTENT / 256)


def light(**changes):
    base = draw_light(np.random.default_rng(0))
    sunny = {
        'sun_direction': np.float32([0, 0.6, 0.8]),
        'sun': np.float32([1.5, 1.5, 1.5]),
        'haze': 0.0,
        'noise': 0.0,
        'exposure': 0.8,
    }
    return replace(base, **{**sunny, **changes})


def box(x, y, size=2.0, z=0.0, colour=(0.5, 0.1, 0.1)):
    builder = MeshBuilder()
    half = size / 2
    builder.box([x - half, y - half, z], [x + half, y + half, z + size], colour)
    return builder.build()


def looking_along_x(height=2.0, focal=140.0):
    linear = np.array([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]])
    extrinsics = np.column_stack([linear, -linear @ [0.0, 0.0, height]])
    intrinsics = np.array([[focal, 0, SIZE[1] / 2], [0, focal, SIZE[0] / 2], [0, 0, 1]])
    return PinholeCamera(intrinsics, extrinsics, SIZE)


def render(parts, scene_light=None, camera=None):
    stage = Stage(parts, grey_ground(), scene_light or light())
    return stage.render(camera or looking_along_x(), np.random.default_rng(0))


def test_instance_lies_where_the_box_projects_to():
    camera = looking_along_x()
    _, instances = render([(box(20, 3), 5)], camera=camera)
    corners = np.array([[x, y, z] for x in (19, 21) for y in (2, 4) for z in (0, 2)])
    pixels, _ = camera.project(corners)
    rows, columns = np.nonzero(instances == 5)
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    np.testing.assert_allclose([columns.min(), rows.min()], low, atol=1.01)
    np.testing.assert_allclose([columns.max(), rows.max()], high, atol=1.01)
    assert instances[0, 0] == NO_INSTANCE


@pytest.mark.parametrize('order', [1, -1])
def test_nearer_object_hides_the_farther_whatever_the_order(order):
    parts = [(box(10, 0), 1), (box(20, 0), 2)][::order]
    _, instances = render(parts)
    assert (instances == 1).sum() > 200
    assert not (instances == 2).any()


def test_interlocking_boxes_are_cut_where_they_meet():
    _, instances = render([(box(10, 0, 2.0), 1), (box(10.5, 0.5, 2.0), 2)])
    middle_row = instances[70]
    assert (middle_row == 1).any()
    assert (middle_row == 2).any()
    assert middle_row[80] == 1


def test_sun_casts_a_shadow_on_the_ground():
    sun_from_right = light(sun_direction=np.float32([0, -0.8, 0.6]))
    with_box, instances = render([(box(20, 0), 1)], sun_from_right)
    without, _ = render([(box(20, 200), 1)], sun_from_right)
    camera = looking_along_x()
    (shaded, lit), _ = camera.project(np.array([[20.0, 2.2, 0.0], [20.0, -3.0, 0.0]]))
    u, v = np.rint(shaded).astype(int)
    assert instances[v, u] == NO_INSTANCE
    assert with_box[v, u].mean() < 0.85 * without[v, u].mean()
    u, v = np.rint(lit).astype(int)
    assert abs(float(with_box[v, u].mean()) - float(without[v, u].mean())) < 3


def test_faces_towards_the_sun_are_brighter():
    towards, _ = render([(box(15, 0), 1)], light(sun_direction=np.float32([-0.8, 0, 0.6])))
    away, instances = render([(box(15, 0), 1)], light(sun_direction=np.float32([0.8, 0, 0.6])))
    face = instances == 1
    assert towards[face].mean() > 1.3 * away[face].mean()


def test_haze_takes_contrast_from_distant_things():
    black = (0.0, 0.0, 0.0)
    clear, instances = render([(box(60, 0, 8, colour=black), 1)], light(haze=0.0))
    hazy, _ = render([(box(60, 0, 8, colour=black), 1)], light(haze=0.02))
    assert hazy[instances == 1].mean() > clear[instances == 1].mean() + 40


def test_edges_are_smooth():
    builder = MeshBuilder()
    builder.quad([(10, -2, 1), (10, 2, 1.6), (10, 2, 6), (10, -2, 6)], (0.0, 0.0, 0.0), glow=0.0)
    picture, _ = render([(builder.build(), 1)], light(sun=np.zeros(3, np.float32)))
    column = picture[:, 70].astype(int).mean(axis=1)
    between = (column > column.min() + 15) & (column < column.max() - 15)
    assert between.any()


def test_same_input_gives_the_same_bytes():
    parts = [(box(12, y, 1.5), i + 1) for i, y in enumerate(np.linspace(-6, 6, 7))]
    noisy = light(noise=2.0)
    first, first_instances = render(parts, noisy)
    second, second_instances = render(parts, noisy)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first_instances, second_instances)


def test_stage_tells_what_a_ray_meets():
    stage = Stage([(box(10, 0), 4), (box(20, 0), 7)], grey_ground(), light())
    rays = np.float32([[1, 0, 0], [-1, 0, 0]])
    np.testing.assert_array_equal(stage.instances_along(np.array([0, 0, 1.0]), rays), [4, -1])
    np.testing.assert_array_equal(stage.instances_along(np.array([15, 0, 1.0]), rays), [7, 4])
