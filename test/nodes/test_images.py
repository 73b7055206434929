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
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from emiff_ros.nodes.images import check_camera_info, decode_image, prepare_image, undistort
from emiff_ros.nodes.refusal import Refusal

HEIGHT, WIDTH = 54, 96


@pytest.fixture
def picture():
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([rows * 4, columns * 2, rows + columns], axis=-1).astype(np.uint8)


@pytest.fixture
def camera_info():
    info = CameraInfo(width=WIDTH, height=HEIGHT)
    info.k = [100.0, 0.0, 48.0, 0.0, 101.0, 27.0, 0.0, 0.0, 1.0]
    return info


def jpeg(picture):
    message = CompressedImage(format='jpeg')
    message.data = cv2.imencode('.jpg', picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    return message


def raw(picture, encoding):
    message = Image(height=picture.shape[0], width=picture.shape[1], encoding=encoding)
    message.step = picture.strides[0]
    message.data = picture.tobytes()
    return message


def test_compressed_and_raw_images_give_the_same_picture(picture):
    compressed = decode_image(jpeg(picture)).astype(int)
    assert np.abs(compressed - picture).mean() < 3
    assert (decode_image(raw(picture, 'bgr8')) == picture).all()


@pytest.mark.parametrize(
    ('encoding', 'convert'),
    [
        ('rgb8', lambda bgr: bgr[..., ::-1].copy()),
        ('bgra8', lambda bgr: cv2.cvtColor(bgr, cv2.COLOR_BGR2BGRA)),
        ('rgba8', lambda bgr: cv2.cvtColor(bgr, cv2.COLOR_BGR2RGBA)),
    ],
)
def test_colour_encodings(picture, encoding, convert):
    assert (decode_image(raw(convert(picture), encoding)) == picture).all()


def bayer(bgr, pattern):
    """Keep one colour of each pixel, as a sensor with this mosaic sees it."""
    mosaic = np.empty(bgr.shape[:2], np.uint8)
    for place, colour in enumerate(pattern):
        row, column = divmod(place, 2)
        mosaic[row::2, column::2] = bgr[row::2, column::2, 'bgr'.index(colour)]
    return mosaic


@pytest.mark.parametrize('pattern', ['rggb', 'bggr', 'gbrg', 'grbg'])
def test_mosaics(picture, pattern):
    decoded = decode_image(raw(bayer(picture, pattern), f'bayer_{pattern}8')).astype(int)
    assert np.abs(decoded - picture)[2:-2, 2:-2].max() <= 4


def yuv422(bgr, luma_first):
    """Keep the colour of every other pixel."""
    yuv = cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV)
    packed = np.empty((*bgr.shape[:2], 2), np.uint8)
    luma, chroma = (0, 1) if luma_first else (1, 0)
    packed[..., luma] = yuv[..., 0]
    packed[:, ::2, chroma] = yuv[:, ::2, 1]
    packed[:, 1::2, chroma] = yuv[:, ::2, 2]
    return packed


@pytest.mark.parametrize(
    ('encoding', 'luma_first'),
    [('yuv422', False), ('uyvy', False), ('yuv422_yuy2', True), ('yuyv', True)],
)
def test_halved_colour(encoding, luma_first):
    grey = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    decoded = decode_image(raw(yuv422(grey, luma_first), encoding)).astype(int)
    assert np.abs(decoded - 128).max() <= 4

    blue = np.full((HEIGHT, WIDTH, 3), (150, 90, 90), np.uint8)
    decoded = decode_image(raw(yuv422(blue, luma_first), encoding)).astype(int)
    assert decoded[..., 0].mean() > decoded[..., 1:].mean() + 30
    assert np.abs(decoded[..., 1] - decoded[..., 2]).max() < 40


@pytest.mark.parametrize(
    ('encoding', 'depth'),
    [
        ('bgr8', 3),
        ('rgb8', 3),
        ('rgba8', 4),
        ('mono8', 1),
        ('bgra8', 4),
        ('bayer_rggb8', 1),
        ('bayer_grbg8', 1),
        ('yuv422', 2),
    ],
)
@pytest.mark.parametrize('padding', [1, 64])
def test_rows_may_be_padded(encoding, depth, padding):
    random = np.random.default_rng(0)
    rows = random.integers(0, 256, (HEIGHT, WIDTH * depth + padding), dtype=np.uint8)
    padded, tight = raw(rows, encoding), raw(np.ascontiguousarray(rows[:, :-padding]), encoding)
    padded.width = tight.width = WIDTH
    assert (decode_image(padded) == decode_image(tight)).all()


@pytest.mark.parametrize('encoding', ['bgr8', 'yuv422'])
def test_refuses_rows_that_are_too_short(picture, encoding):
    message = raw(picture, encoding)
    message.step = WIDTH
    with pytest.raises(Refusal, match='expected at least') as refusal:
        decode_image(message)
    assert refusal.value.cause == 'undecodable_image'


def test_refuses_an_encoding_that_nobody_knows(picture):
    with pytest.raises(Refusal, match="encoding 'infrared'") as refusal:
        decode_image(raw(picture, 'infrared'))
    assert refusal.value.cause == 'undecodable_image'


def test_mono_becomes_three_channels(picture):
    decoded = decode_image(raw(np.ascontiguousarray(picture[..., 0]), 'mono8'))
    assert (decoded == picture[..., :1]).all()


def test_the_network_image_is_rgb_with_scaled_intrinsics(picture, camera_info):
    image = prepare_image(raw(picture, 'bgr8'), camera_info, WIDTH // 2, HEIGHT // 3)
    assert image.pixels.shape == (HEIGHT // 3, WIDTH // 2, 3)
    expected = cv2.resize(picture, (WIDTH // 2, HEIGHT // 3), interpolation=cv2.INTER_AREA)
    assert (image.pixels == expected[..., ::-1]).all()
    assert image.intrinsics == pytest.approx(np.array([[50, 0, 24], [0, 101 / 3, 9], [0, 0, 1]]))


@pytest.mark.parametrize('rectify', [False, True])
def test_a_jpeg_is_decoded_at_half_its_size_where_that_is_enough(picture, camera_info, rectify):
    message, size = jpeg(picture), (WIDTH // 3, HEIGHT // 3)
    whole = prepare_image(message, camera_info, *size, reduced_decoding=False)
    reduced = prepare_image(message, camera_info, *size, rectify)
    assert (reduced.intrinsics == whole.intrinsics).all()
    assert np.abs(reduced.pixels.astype(int) - whole.pixels).mean() < 2
    # What is rectified is decoded in full, and this camera has no distortion.
    assert (reduced.pixels == whole.pixels).all() == rectify


def test_a_png_is_never_reduced(picture, camera_info):
    message = CompressedImage(format='png', data=cv2.imencode('.png', picture)[1].tobytes())
    image = prepare_image(message, camera_info, WIDTH // 3, HEIGHT // 3)
    expected = cv2.resize(picture, (WIDTH // 3, HEIGHT // 3), interpolation=cv2.INTER_AREA)
    assert (image.pixels == expected[..., ::-1]).all()


def test_refuses_a_truncated_jpeg(picture, camera_info):
    message = jpeg(picture)
    message.data = bytes(message.data)[: len(message.data) // 2]
    with pytest.raises(Refusal, match='no end marker') as refusal:
        prepare_image(message, camera_info, WIDTH, HEIGHT)
    assert refusal.value.cause == 'truncated_image'


@pytest.mark.parametrize('data', [b'', b'not an image', b'P6 99999999 99999999 255\n'])
def test_refuses_what_is_no_image(data):
    with pytest.raises(Refusal, match='no image that OpenCV reads') as refusal:
        decode_image(CompressedImage(format='jpeg', data=data))
    assert refusal.value.cause == 'undecodable_image'


def test_refuses_a_raw_image_with_too_few_bytes(picture):
    message = raw(picture, 'bgr8')
    message.data = bytes(message.data)[:-10]
    with pytest.raises(Refusal, match='cannot be converted') as refusal:
        decode_image(message)
    assert refusal.value.cause == 'undecodable_image'


def test_refuses_a_size_that_is_not_the_camera_infos(picture, camera_info):
    camera_info.width = WIDTH * 2
    with pytest.raises(Refusal, match='96x54 but its CameraInfo says 192x54') as refusal:
        prepare_image(raw(picture, 'bgr8'), camera_info, WIDTH, HEIGHT)
    assert refusal.value.cause == 'size_mismatch'
    with pytest.raises(Refusal, match='96x54 but its CameraInfo says 192x54'):
        prepare_image(jpeg(picture), camera_info, WIDTH // 4, HEIGHT // 4)


@pytest.mark.parametrize('value', [float('nan'), 0.0, -5.0])
def test_refuses_an_impossible_focal_length(camera_info, value):
    camera_info.k[0] = value
    with pytest.raises(Refusal, match='positive focal lengths') as refusal:
        check_camera_info(camera_info)
    assert refusal.value.cause == 'bad_camera_info'


def distorted_points(info, points):
    """Project ideal pixels through the lens of ``info``."""
    k = np.reshape(info.k, (3, 3))
    rays = np.column_stack([(points - k[:2, 2]) / [k[0, 0], k[1, 1]], np.ones(len(points))])
    if info.distortion_model == 'equidistant':
        seen, _ = cv2.fisheye.projectPoints(
            rays[:, None], np.zeros(3), np.zeros(3), k, np.array(info.d)
        )
    else:
        seen, _ = cv2.projectPoints(rays, np.zeros(3), np.zeros(3), k, np.array(info.d))
    return seen.reshape(-1, 2)


@pytest.mark.parametrize(
    ('model', 'coefficients'),
    [
        ('plumb_bob', [-0.3, 0.1, 0.0, 0.0, 0.0]),
        ('rational_polynomial', [-0.3, 0.1, 0.0, 0.0, 0.0, 0.01, 0.0, 0.0]),
        ('equidistant', [0.1, 0.02, 0.0, 0.0]),
    ],
)
def test_a_point_comes_back_to_its_ideal_pixel(camera_info, model, coefficients):
    camera_info.distortion_model, camera_info.d = model, coefficients
    ideal = np.array([[20.0, 12.0], [80.0, 40.0]])
    seen = distorted_points(camera_info, ideal)
    assert np.abs(seen - ideal).max() > 0.5
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    for (u, v), (x, y) in zip(ideal, seen, strict=True):
        spot = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 4)
        pixels = undistort(np.repeat(spot[..., None], 3, axis=2).astype(np.uint8), camera_info)
        weight = pixels[..., 0] / pixels[..., 0].sum(dtype=float)
        assert (columns * weight).sum() == pytest.approx(u, abs=0.5)
        assert (rows * weight).sum() == pytest.approx(v, abs=0.5)


def test_distortion_is_removed_only_when_asked(picture, camera_info):
    camera_info.distortion_model, camera_info.d = 'plumb_bob', [-0.3, 0.1, 0.0, 0.0, 0.0]
    message = raw(picture, 'bgr8')
    as_it_is = prepare_image(message, camera_info, WIDTH, HEIGHT)
    rectified = prepare_image(message, camera_info, WIDTH, HEIGHT, rectify=True)
    assert (as_it_is.pixels == picture[..., ::-1]).all()
    assert (rectified.pixels == undistort(picture, camera_info)[..., ::-1]).all()
    assert (rectified.pixels != as_it_is.pixels).any()
    assert (rectified.intrinsics == as_it_is.intrinsics).all()
    camera_info.d = [0.0] * 5
    assert undistort(picture, camera_info) is picture


@pytest.mark.parametrize(
    ('model', 'coefficients'),
    [('', [0.1]), ('plumb_bob', [0.1, 0.2]), ('equidistant', [float('nan'), 0.1, 0.1, 0.1])],
)
def test_refuses_a_distortion_that_nobody_knows(picture, camera_info, model, coefficients):
    camera_info.distortion_model, camera_info.d = model, coefficients
    with pytest.raises(Refusal, match='expected finite coefficients') as refusal:
        prepare_image(raw(picture, 'bgr8'), camera_info, WIDTH, HEIGHT, rectify=True)
    assert refusal.value.cause == 'bad_camera_info'


def test_a_camera_whose_last_row_is_not_that_of_a_projection_is_refused():
    info = CameraInfo(width=WIDTH, height=HEIGHT)
    info.k = [100.0, 0.0, 50.0, 0.0, 100.0, 40.0, 0.0, 0.0, 0.0]
    with pytest.raises(Refusal, match='a last row of 0, 0, 1') as refusal:
        check_camera_info(info)
    assert refusal.value.cause == 'bad_camera_info'
