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

"""Text on images."""

import numpy as np
import pytest

from emiff_ros.viz.numbers import MISSING
from emiff_ros.viz.palette import Colour
from emiff_ros.viz.text import draw_text, text_size

WHITE = Colour(255, 255, 255)


def blank(height=40, width=200):
    return np.zeros((height, width, 3), dtype=np.uint8)


def test_text_is_antialiased_and_where_its_size_says():
    image = blank()
    draw_text(image, 'Roadside', (10, 20), 18, WHITE)
    rows, columns = np.nonzero(image[..., 0])
    width, height = text_size('Roadside', 18)
    assert len(np.unique(image)) > 8
    assert 10 <= columns.min() <= 13
    assert 10 + width - 3 <= columns.max() < 10 + width + 1
    assert 20 - height / 2 <= rows.min()
    assert rows.max() <= 20 + height / 2


def test_alignment_moves_the_text():
    width, _ = text_size('42 m', 18)
    left, right = blank(), blank()
    draw_text(left, '42 m', (20, 20), 18, WHITE)
    draw_text(right, '42 m', (20 + width, 20), 18, WHITE, 'right')
    np.testing.assert_array_equal(left, right)
    with pytest.raises(ValueError, match='middle'):
        draw_text(left, '42 m', (20, 20), 18, WHITE, 'middle')


def test_text_that_leaves_the_image_is_cut():
    whole = blank(60, 240)
    draw_text(whole, 'Vehicle', (20, 20), 18, WHITE)
    part = blank(20, 30)
    draw_text(part, 'Vehicle', (0, 10), 18, WHITE)
    np.testing.assert_array_equal(part, whole[10:30, 20:50])
    outside = blank()
    draw_text(outside, 'Vehicle', (-500, 20), 18, WHITE)
    draw_text(outside, 'Vehicle', (10, 900), 18, WHITE)
    assert not outside.any()


def test_opacity_weakens_the_ink():
    full, half = blank(), blank()
    draw_text(full, 'ab', (10, 20), 18, WHITE)
    draw_text(half, 'ab', (10, 20), 18, WHITE, opacity=0.5)
    assert abs(int(half.max()) - full.max() / 2) <= 1


def test_the_same_text_is_not_set_twice():
    image = blank()
    draw_text(image, 'twice', (10, 20), 18, WHITE)
    before = image.copy()
    draw_text(image, 'twice', (10, 20), 18, WHITE)
    assert (image >= before).all()
    assert image.max() == before.max()


def test_the_dash_of_a_missing_number_is_drawn_as_one():
    dash, hyphen = blank(), blank()
    draw_text(dash, MISSING, (20, 20), 18, WHITE)
    draw_text(hyphen, '-', (20, 20), 18, WHITE)
    np.testing.assert_array_equal(dash, hyphen)
