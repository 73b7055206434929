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

"""Which cells of a roadside camera matter to vehicles, from its calibration alone."""

from dataclasses import replace

import numpy as np
import pytest
from transport.test_feature_header import header

from emiff_ros.transport.importance import FARTHEST, ground_importance

SHAPE = (4, 36, 64)
OPTICAL_FROM_BODY = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])


def pole(pitch, yaw=0.0, roll=0.0, scale=1.0):
    """Return the header of a camera 7 m above (500, 300), pitched down by ``pitch`` (radians)."""
    cos, sin = np.cos, np.sin
    turn = np.array([[cos(yaw), -sin(yaw), 0], [sin(yaw), cos(yaw), 0], [0, 0, 1]])
    nod = np.array([[cos(pitch), 0, sin(pitch)], [0, 1, 0], [-sin(pitch), 0, cos(pitch)]])
    lean = np.array([[1, 0, 0], [0, cos(roll), -sin(roll)], [0, sin(roll), cos(roll)]])
    rotation = scale * OPTICAL_FROM_BODY @ (turn @ nod @ lean).T
    position = np.array([[500.0], [300.0], [7.0]])
    return replace(
        header(),
        image_size=(288, 512),
        padded_size=(288, 512),
        intrinsics=np.array([[480.0, 0, 256], [0, 480, 144], [0, 0, 1]]),
        camera_from_map=np.hstack([rotation, -rotation @ position]),
    )


def test_weight_is_the_cube_of_the_distance_and_nothing_beyond():
    weight = ground_importance(pole(0.2), SHAPE)[:, 32]
    rows = np.arange(36) * 8 + 3.5
    depression = np.sin(0.2 + np.arctan((rows - 144) / 480))
    near = depression > 0.12
    expected = (FARTHEST / depression) ** 3
    # A cell is worth at least what its neighbour is: the one above sees farther.
    np.testing.assert_allclose(weight[1:][near[1:]], expected[:-1][near[1:]], rtol=0.01)
    assert weight[depression < 0].max() < 1e-3
    assert weight.max() > 0.5


@pytest.mark.parametrize('yaw', [0.7, 2.0, -3.0])
def test_neither_heading_nor_scale_matters(yaw):
    expected = ground_importance(pole(0.2), SHAPE)
    np.testing.assert_allclose(ground_importance(pole(0.2, yaw), SHAPE), expected, rtol=1e-4)
    scaled = ground_importance(pole(0.2, yaw, scale=0.93), SHAPE)
    np.testing.assert_allclose(scaled, expected, rtol=1e-4)


def test_a_leaning_camera_sees_the_horizon_lean():
    weight = ground_importance(pole(0.2, roll=0.2), SHAPE)
    horizon = [int(np.argmax(weight[:, column] > 1e-3)) for column in (0, 63)]
    assert abs(horizon[0] - horizon[1]) > 5


def test_a_camera_that_looks_up_has_an_order_still():
    weight = ground_importance(pole(-1.0), SHAPE)
    assert weight.shape == SHAPE[1:]
    assert np.isfinite(weight).all()
    assert (weight > 0).all()


def test_padding_shifts_no_cell():
    plain = ground_importance(pole(0.2), SHAPE)
    padded = replace(pole(0.2), padded_size=(320, 512))
    np.testing.assert_array_equal(ground_importance(padded, (4, 40, 64))[:36], plain)
