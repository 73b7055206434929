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

from emiff_ros.matching.coverage import sees_range

RANGES = ((0.0, 92.16), (-39.68, 39.68), (-3.08, 0.76))
INTRINSICS = np.array([[500.0, 0, 320], [0, 500, 180], [0, 0, 1]])
FORWARD = np.array([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]])


def camera_at(x, y, forward=True):
    turn = np.diag([1.0, 1, 1]) if forward else np.diag([-1.0, -1, 1])
    rotation = FORWARD @ turn
    return np.hstack([rotation, -rotation @ np.array([[x], [y], [5.0]])])


@pytest.mark.parametrize(
    ('x', 'y', 'forward', 'expected'),
    [
        (0, 0, True, True),
        (100, 0, False, True),
        (100, 0, True, False),
        (0, 0, False, False),
        (-300, 400, True, False),
    ],
)
def test_a_camera_sees_the_range_or_not(x, y, forward, expected):
    assert sees_range(INTRINSICS, camera_at(x, y, forward), (360, 640), RANGES) is expected


def test_a_camera_that_sees_a_single_sample_sees_the_range():
    axes = (np.linspace(*bounds, steps) for bounds, steps in zip(RANGES, (24, 20, 3), strict=True))
    samples = np.stack(np.meshgrid(*axes, indexing='ij')).reshape(3, -1).T
    rotation = np.array([[0.0, -1, 0], [-1, 0, 0], [0, 0, -1]])  # looks down
    narrow = np.array([[5000.0, 0, 320], [0, 5000, 180], [0, 0, 1]])
    for number in range(0, len(samples), 101):
        above = samples[number] + [0.0, 0.0, 10.0]
        camera = np.hstack([rotation, -(rotation @ above)[:, None]])
        assert sees_range(narrow, camera, (360, 640), RANGES)
        beside = above + [1.5, 0.0, 0.0]  # a sample lies every 4 m, and the image shows 1.3 m
        camera = np.hstack([rotation, -(rotation @ beside)[:, None]])
        assert not sees_range(narrow, camera, (360, 640), RANGES)
