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

"""JPEG sizes from headers and the check for truncation."""

from PIL import Image
import pytest

from emiff_ros.dair.errors import ImageError, MissingFileError
from emiff_ros.dair.images import read_image, read_image_size, read_jpeg


@pytest.fixture
def jpeg(tmp_path):
    path = tmp_path / 'image.jpg'
    Image.effect_noise((96, 64), 80).convert('RGB').save(path, 'JPEG')
    return path


def test_size_and_bytes(jpeg):
    assert read_image_size(jpeg) == (64, 96)
    assert read_jpeg(jpeg) == jpeg.read_bytes()


def test_pixels_are_red_green_blue(tmp_path):
    path = tmp_path / 'red.jpg'
    Image.new('RGB', (96, 64), (250, 10, 10)).save(path, 'JPEG')
    pixels = read_image(path)
    assert pixels.shape == (64, 96, 3)
    assert pixels.reshape(-1, 3).mean(0) == pytest.approx([250, 10, 10], abs=4)


def test_an_image_that_is_resized_next_is_read_at_half_its_size(jpeg):
    assert read_image(jpeg, (32, 48)).shape == (32, 48, 3)
    assert read_image(jpeg, (33, 48)).shape == (64, 96, 3)


def test_a_file_with_a_header_and_no_pixels_is_refused(jpeg):
    data = jpeg.read_bytes()
    frame = data.index(b'\xff\xc0')
    header_end = frame + 2 + int.from_bytes(data[frame + 2 : frame + 4], 'big')
    jpeg.write_bytes(data[:header_end] + b'\xff\xd9')
    with pytest.raises(ImageError, match='that are no image'):
        read_image(jpeg)


def test_zero_padding_after_the_image_is_accepted(jpeg):
    jpeg.write_bytes(jpeg.read_bytes() + bytes(512))
    assert read_jpeg(jpeg) == jpeg.read_bytes()


@pytest.mark.parametrize('cut', [1, 2, 700])
def test_truncated_images_are_refused(jpeg, cut):
    jpeg.write_bytes(jpeg.read_bytes()[:-cut])
    assert read_image_size(jpeg) == (64, 96)
    with pytest.raises(ImageError, match=r'image\.jpg: is truncated'):
        read_jpeg(jpeg)


@pytest.mark.parametrize('content', [b'', b'\xff\xd8', b'no image at all', b'\xff\xd8\xff\xd9'])
def test_files_without_a_jpeg_header_are_refused(jpeg, content):
    jpeg.write_bytes(content)
    for read in (read_image_size, read_jpeg):
        with pytest.raises(ImageError, match='no readable JPEG header'):
            read(jpeg)


def test_other_formats_and_missing_files(jpeg, tmp_path):
    Image.new('RGB', (8, 8)).save(jpeg, 'PNG')
    with pytest.raises(ImageError, match='is a PNG image; expected JPEG'):
        read_jpeg(jpeg)
    with pytest.raises(MissingFileError, match='cannot be opened'):
        read_jpeg(tmp_path / 'none.jpg')
