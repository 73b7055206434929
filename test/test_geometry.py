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

import numpy as np
import pytest

from emiff_ros import geometry


@pytest.fixture
def affine(request):
    return np.random.default_rng(0).normal(size=(3, 4)) + np.eye(4)[:3] * 3


def test_inverse_undoes_a_transform_that_is_not_rigid(affine):
    points = np.random.default_rng(1).normal(size=(5, 3)) * 1e6
    there = geometry.transform_points(affine, points)
    back = geometry.transform_points(geometry.invert_affine(affine), there)
    assert back == pytest.approx(points, rel=1e-9)


def test_compose_applies_the_last_first(affine):
    other = np.hstack([np.diag([1.0, 2.0, 3.0]), [[4.0], [5.0], [6.0]]])
    points = np.random.default_rng(2).normal(size=(4, 3))
    step_by_step = geometry.transform_points(affine, geometry.transform_points(other, points))
    assert geometry.transform_points(geometry.compose(affine, other), points) == pytest.approx(
        step_by_step
    )


@pytest.mark.parametrize('seed', range(5))
def test_quaternion_and_rotation_are_inverses(seed):
    quaternion = np.random.default_rng(seed).normal(size=4)
    quaternion /= np.linalg.norm(quaternion) * np.sign(quaternion[3])
    rotation = geometry.rotation_from_quaternion(quaternion)
    assert geometry.is_rigid(np.hstack([rotation, np.zeros((3, 1))]))
    assert geometry.quaternion_from_rotation(rotation) == pytest.approx(quaternion)


def test_box_corners_follow_the_heading():
    corners = geometry.box_corners([[10.0, 20.0, 1.0, 4.0, 2.0, 1.5, np.pi / 2]])[0]
    assert corners[0] == pytest.approx([11.0, 18.0, 1.0])
    assert corners[6] == pytest.approx([9.0, 22.0, 2.5])


@pytest.mark.parametrize('seed', range(3))
def test_the_determinant_is_that_of_linear_algebra(seed):
    matrix = np.random.default_rng(seed).normal(size=(3, 3))
    assert geometry.determinant_of(matrix.tolist()) == pytest.approx(np.linalg.det(matrix))


def test_a_reflection_is_not_rigid():
    assert not geometry.is_rigid(np.diag([1.0, 1.0, -1.0, 1.0])[:3])


@pytest.mark.parametrize(
    ('values', 'message'),
    [
        (np.zeros((2, 2)), r'shape \(2, 2\); expected \[3, 4\]'),
        (np.full((3, 4), np.nan), 'not finite'),
        (np.zeros((3, 4)), 'cannot be inverted'),
    ],
)
def test_refuses_what_is_no_transform(values, message):
    with pytest.raises(ValueError, match=message):
        geometry.as_affine(values)


def test_refuses_what_is_no_quaternion():
    with pytest.raises(ValueError, match='is no quaternion'):
        geometry.rotation_from_quaternion([0.0, 0.0, 0.0, 0.0])


def test_angles_wrap_to_a_half_open_interval():
    assert geometry.wrap_to_pi([np.pi, -np.pi, 3 * np.pi / 2]) == pytest.approx(
        [-np.pi, -np.pi, -np.pi / 2]
    )
