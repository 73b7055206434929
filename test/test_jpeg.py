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

import cv2
import numpy as np
import pytest

from emiff_ros.jpeg import decode, is_complete_jpeg, is_jpeg, reduced_size, reduction


@pytest.fixture(scope='module')
def jpeg():
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    return cv2.imencode('.jpg', pixels)[1].tobytes()


@pytest.mark.parametrize('filling', [0, 1, 4094, 4095, 4096, 4097, 100_000])
def test_a_whole_one_may_be_followed_by_zeros(jpeg, filling):
    assert is_complete_jpeg(memoryview(jpeg + bytes(filling)))
    assert not is_complete_jpeg(memoryview(jpeg[:-1] + bytes(filling)))


def test_every_cut_is_seen(jpeg):
    for length in range(len(jpeg)):
        assert not is_complete_jpeg(jpeg[:length])
    assert is_jpeg(jpeg[:2])


@pytest.mark.parametrize('data', [b'', b'\xff\xd9', b'\x89PNG\xff\xd9', b'\xff\xd8'])
def test_what_is_no_jpeg_is_not_complete(data):
    assert not is_complete_jpeg(data)


@pytest.mark.parametrize(
    ('least', 'factor'),
    [
        ((1080, 1920), 1),
        ((541, 100), 1),
        ((540, 960), 2),
        ((352, 640), 2),
        ((270, 480), 4),
        ((10, 10), 8),
        ((2000, 2000), 1),
    ],
)
def test_an_image_is_reduced_as_far_as_it_covers_what_is_needed(least, factor):
    assert reduction((1080, 1920), least) == factor


@pytest.mark.parametrize('factor', [1, 2, 4, 8])
@pytest.mark.parametrize('size', [(64, 96), (67, 101)])
def test_a_reduced_image_is_the_average_of_the_whole_one(size, factor):
    rows, columns = np.mgrid[: size[0], : size[1]]
    pixels = np.stack([2 * rows, 2 * columns, rows + columns], axis=-1).astype(np.uint8)
    data = cv2.imencode('.jpg', pixels, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    small = decode(data, factor)
    assert small.shape == (*reduced_size(size, factor), 3)
    whole = size[0] // factor, size[1] // factor
    blocks = decode(data)[: whole[0] * factor, : whole[1] * factor].astype(float)
    blocks = blocks.reshape(whole[0], factor, whole[1], factor, 3).mean(axis=(1, 3))
    assert np.abs(small[: whole[0], : whole[1]] - blocks).mean() < 2


@pytest.mark.parametrize('factor', [1, 2])
@pytest.mark.parametrize('data', [b'', b'no image', b'P6 99999999 99999999 255\n'])
def test_what_cannot_be_decoded_is_none(data, factor):
    assert decode(data, factor) is None
