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

"""Headers of real cameras pass; anything else is refused by name."""

from dataclasses import replace

import numpy as np
import pytest

from emiff_ros.transport import errors
from emiff_ros.transport.feature_header import (
    CalibrationLimits,
    FeatureExpectation,
    FeatureHeader,
    check_camera,
    check_expected,
    check_identity,
)

FINGERPRINT = bytes(range(32))
# Pole-mounted camera at (2115, 1407, 27) m of the map, looking down; row 1 is scaled as in a
# calibration that is not rigid (determinant 0.82).
CAMERA_FROM_MAP = np.array([[1, 0, 0, -2115], [0, -0.41, -0.71, 598], [0, 0.866, -0.5, -1205]])


def header(**changes):
    values = {
        'stamp': 1_626_165_671_102_639_000,
        'frame_id': 'infrastructure/camera_optical',
        'station_id': 'yizhuang09',
        'session_id': 2**64 - 1,
        'sequence': 7,
        'fingerprint': FINGERPRINT,
        'image_size': (540, 960),
        'padded_size': (544, 960),
        'intrinsics': np.array([[1092.0, 0, 480], [0, 1092, 268], [0, 0, 1]]),
        'map_frame': 'map',
        'camera_from_map': CAMERA_FROM_MAP,
    }
    return FeatureHeader(**{**values, **changes})


EXPECTED = FeatureExpectation(FINGERPRINT, (540, 960), channels=1, stride=8)


def with_entry(matrix, row, column, value):
    changed = np.array(matrix, np.float64)
    changed[row, column] = value
    return changed


def test_real_header_passes():
    check_identity(header())
    check_camera(header())
    check_expected(header(), (1, 68, 120), EXPECTED)


def test_camera_position_inverts_the_affine():
    position = np.array(header().camera_position)
    linear, translation = CAMERA_FROM_MAP[:, :3], CAMERA_FROM_MAP[:, 3]
    np.testing.assert_allclose(linear @ position + translation, 0, atol=1e-9)


@pytest.mark.parametrize(
    ('changes', 'error'),
    [
        ({'stamp': 0}, errors.ZeroStampError),
        ({'stamp': -5}, errors.ZeroStampError),
        ({'stamp': 2**62}, errors.ZeroStampError),
        ({'station_id': ''}, errors.IdentityError),
        ({'station_id': 'ü' * 33}, errors.IdentityError),
        ({'map_frame': 'm' * 65}, errors.IdentityError),
        ({'frame_id': ''}, errors.IdentityError),
        ({'session_id': -1}, errors.IdentityError),
        ({'sequence': 2**64}, errors.IdentityError),
        ({'fingerprint': b'short'}, errors.IdentityError),
    ],
)
def test_identity_is_refused(changes, error):
    with pytest.raises(error):
        check_identity(header(**changes))


def test_names_of_64_bytes_pass():
    check_identity(header(station_id='s' * 64, map_frame='m' * 64))


@pytest.mark.parametrize(
    'size', [((0, 960), (544, 960)), ((545, 960), (544, 960)), ((540, 20000), (544, 20000))]
)
def test_image_sizes_are_refused(size):
    with pytest.raises(errors.ImageSizeError):
        check_camera(header(image_size=size[0], padded_size=size[1]))


@pytest.mark.parametrize(
    ('row', 'column', 'value', 'said'),
    [
        (0, 0, np.nan, 'finite'),
        (0, 0, 5.0, 'fx = 5 px'),
        (1, 1, 1e6, 'fy'),
        (1, 1, -1092.0, 'fy'),
        (0, 2, 5000.0, 'cx'),
        (1, 2, -900.0, 'cy'),
        (2, 2, 2.0, 'form'),
        (1, 0, 3.0, 'form'),
    ],
)
def test_intrinsics_are_refused(row, column, value, said):
    intrinsics = with_entry(header().intrinsics, row, column, value)
    with pytest.raises(errors.CalibrationError, match=said):
        check_camera(header(intrinsics=intrinsics))


@pytest.mark.parametrize(
    ('matrix', 'said'),
    [
        (with_entry(CAMERA_FROM_MAP, 1, 3, np.inf), 'finite'),
        (CAMERA_FROM_MAP * [[1, 1, 1, 1], [1, 1, 1, 1], [-1, -1, -1, 1]], 'determinant'),
        (CAMERA_FROM_MAP * 0.001, 'lengths'),
        (CAMERA_FROM_MAP * 1e300, 'lengths'),
        (np.hstack([np.zeros((3, 3)), np.ones((3, 1))]), 'lengths'),
        (np.array([[1.0, 0, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0]]), 'determinant'),
        (with_entry(CAMERA_FROM_MAP, 0, 3, 1e9), 'coordinate'),
    ],
)
def test_extrinsics_are_refused(matrix, said):
    with pytest.raises(errors.CalibrationError, match=said):
        check_camera(header(camera_from_map=matrix))


def test_limits_are_parameters():
    strict = CalibrationLimits(determinant=(0.99, 1.01))
    with pytest.raises(errors.CalibrationError, match='determinant 0.8'):
        check_camera(header(), strict)


def test_other_model_is_refused():
    with pytest.raises(errors.ModelMismatchError, match='same weights'):
        check_expected(header(fingerprint=bytes(32)), (1, 68, 120), EXPECTED)


@pytest.mark.parametrize(
    ('image', 'padded', 'shape'),
    [
        ((64, 64), (64, 64), (1, 8, 8)),
        ((539, 960), (544, 960), (1, 68, 120)),
        ((544, 960), (544, 960), (1, 68, 120)),
        ((960, 540), (960, 544), (1, 120, 68)),
        ((8192, 8192), (8192, 8192), (1, 1024, 1024)),
    ],
)
def test_other_image_sizes_are_refused(image, padded, shape):
    other = header(image_size=image, padded_size=padded)
    said = f'{image[1]}x{image[0]}, .* takes 960x540'
    with pytest.raises(errors.ImageSizeError, match=said):
        check_expected(other, shape, EXPECTED)


def test_a_padded_image_of_the_expected_size_passes():
    padded = header(image_size=(350, 640), padded_size=(352, 640))
    check_expected(padded, (1, 44, 80), replace(EXPECTED, image_size=(350, 640)))


@pytest.mark.parametrize('padded', [(540, 960), (576, 960), (544, 992)])
def test_padding_must_follow_the_divisor(padded):
    with pytest.raises(errors.ImageSizeError, match='544'):
        check_expected(header(padded_size=padded), (1, 68, 120), EXPECTED)


@pytest.mark.parametrize('shape', [(2, 68, 120), (1, 120, 68), (1, 34, 60)])
def test_shape_must_follow_the_stride(shape):
    with pytest.raises(errors.ShapeError, match=r'\[1, 68, 120\]'):
        check_expected(header(), shape, EXPECTED)


def test_odd_sizes_round_up():
    check_expected(header(), (1, 9, 15), replace(EXPECTED, stride=64))
