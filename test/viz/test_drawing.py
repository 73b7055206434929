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

"""Areas and lines with subpixel positions."""

import numpy as np
import pytest

from emiff_ros.viz.drawing import (
    corner_mask,
    draw_circle,
    draw_polylines,
    fill_polygon,
    fill_polygons,
    paste_rounded,
    rounded_rectangle,
)
from emiff_ros.viz.palette import Colour

RED = Colour(255, 0, 0)


def blank(height=60, width=80):
    return np.full((height, width, 3), 100, dtype=np.uint8)


def test_filling_blends_inside_and_leaves_the_outside_alone():
    image = blank()
    fill_polygon(image, [[10, 10], [40, 10], [40, 40], [10, 40]], RED, 0.5)
    np.testing.assert_array_equal(image[25, 25], [50, 50, 178])
    np.testing.assert_array_equal(image[50, 60], [100, 100, 100])


def test_overlapping_polygons_of_one_call_count_once():
    square = np.array([[10, 10], [40, 10], [40, 40], [10, 40]])
    image = blank()
    fill_polygons(image, [square, square], RED, 0.5)
    np.testing.assert_array_equal(image[25, 25], [50, 50, 178])


@pytest.mark.parametrize('opacity', [0.5, 1.0])
def test_polygons_may_leave_the_image(opacity):
    image = blank()
    fill_polygon(image, [[-500, -500], [20, -500], [20, 500], [-500, 500]], RED, opacity)
    assert (image[:, :18, 2] > 100).all()
    assert (image[:, 24:] == 100).all()
    untouched = blank()
    fill_polygon(untouched, [[200, 200], [300, 200], [300, 300]], RED, opacity)
    fill_polygons(untouched, np.empty((0, 4, 2)), RED, opacity)
    assert (untouched == 100).all()


def test_lines_keep_fractions_of_pixels():
    sharp, between = blank(), blank()
    draw_polylines(sharp, [[[10.0, 20.0], [60.0, 20.0]]], RED)
    draw_polylines(between, [[[10.0, 20.5], [60.0, 20.5]]], RED)
    assert sharp[20, 30, 2] > between[20, 30, 2]
    assert abs(int(between[20, 30, 2]) - int(between[21, 30, 2])) < 20


def test_a_large_circle_is_round():
    image = np.zeros((640, 640, 3), dtype=np.uint8)
    draw_circle(image, (320, 320), 300.0, RED)
    rows, columns = np.nonzero(image[..., 2] > 128)
    radius = np.hypot(rows - 320, columns - 320)
    assert radius.min() > 298.5
    assert radius.max() < 301.5


def test_round_corners_show_the_ground():
    image = blank()
    rounded_rectangle(image, (10, 10), (40, 30), 10, RED)
    np.testing.assert_array_equal(image[10, 10], [100, 100, 100])
    np.testing.assert_array_equal(image[25, 30], RED.bgr)
    paste_rounded(image, np.full((30, 40, 3), 7, dtype=np.uint8), (10, 10), 10)
    np.testing.assert_array_equal(image[10, 10], [100, 100, 100])
    np.testing.assert_array_equal(image[25, 30], [7, 7, 7])
    assert corner_mask((40, 30), 10).shape == (30, 40)
    with pytest.raises(ValueError, match='leaves the image'):
        rounded_rectangle(image, (60, 10), (40, 30), 10, RED)
