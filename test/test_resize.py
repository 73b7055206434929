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

"""Images are resized without aliasing, and quickly where nothing can alias."""

import cv2
import numpy as np
import pytest

from emiff_ros.resize import resize


def picture(height, width):
    """Return smooth noise, as an image of a scene has it."""
    rng = np.random.default_rng(3)
    noise = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 2.0)


def test_the_same_size_is_the_same_image():
    image = picture(20, 30)
    assert resize(image, 20, 30) is image


@pytest.mark.parametrize('size', [(36, 64), (36, 128), (20, 40)])
def test_much_smaller_is_the_mean_of_areas(size):
    image = picture(72, 128)
    expected = cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA)
    assert np.array_equal(resize(image, *size), expected)


def test_a_pattern_of_single_pixels_does_not_alias():
    stripes = np.zeros((60, 90, 3), np.uint8)
    stripes[:, ::3] = 255
    assert np.ptp(resize(stripes, 20, 30)) == 0


def test_after_halving_it_comes_as_close_as_areas_do():
    image = picture(1080, 1920)
    halved = cv2.resize(image, (960, 540), interpolation=cv2.INTER_AREA)
    expected = cv2.resize(image, (640, 352), interpolation=cv2.INTER_AREA).astype(float)
    areas = cv2.resize(halved, (640, 352), interpolation=cv2.INTER_AREA)
    ours = np.abs(resize(halved, 352, 640) - expected).mean()
    assert ours < 1.2 * np.abs(areas - expected).mean()


def test_it_can_grow():
    assert resize(picture(20, 30), 40, 60).shape == (40, 60, 3)
