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

"""Calibration files: strings, nesting, offsets and what is refused."""

from dair.dair_folder import write_json
import numpy as np
import pytest

from emiff_ros.dair.calibration import (
    parse_offset,
    read_affine,
    read_intrinsics,
    read_optional_numbers,
)
from emiff_ros.dair.errors import CalibrationError, MissingFileError

ROTATION = [[0, -1, 0], [1, 0, 0], [0, 0, 1]]


def test_affine_nested_flat_and_as_strings(tmp_path):
    expected = np.array([[0, -1, 0, 1.5], [1, 0, 0, 2], [0, 0, 1, -3]])
    column = {'rotation': ROTATION, 'translation': [[1.5], [2], [-3]]}
    flat = {
        'rotation': [str(value) for row in ROTATION for value in row],
        'translation': ['1.5', '2', '-3'],
    }
    for content in (column, flat, {'header': {}, 'transform': column}):
        write_json(tmp_path / 'a.json', content)
        assert np.array_equal(read_affine(tmp_path / 'a.json'), expected)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ({'translation': [0, 0, 0]}, "key 'rotation': is missing; found"),
        ({'rotation': ROTATION}, "key 'translation': is missing"),
        ({'transform': 5}, "key 'rotation': found 5 where an object"),
        ({'rotation': ROTATION, 'translation': [0, 0]}, 'expected 3 numbers'),
        ({'rotation': ROTATION, 'translation': [0, 0, 'x']}, "'x'.*expected 3 numbers"),
        ({'rotation': ROTATION, 'translation': [0, 0, float('inf')]}, 'not finite'),
        ({'rotation': ROTATION, 'translation': [0, 0, 10**400]}, '1000.*expected 3 numbers'),
        ({'rotation': [[1, 0, 0]] * 3, 'translation': [0, 0, 0]}, 'cannot be inverted'),
    ],
)
def test_affine_refusals_name_file_and_key(tmp_path, content, message):
    write_json(tmp_path / 'pose.json', content)
    with pytest.raises(CalibrationError, match=message) as caught:
        read_affine(tmp_path / 'pose.json')
    assert caught.value.path == tmp_path / 'pose.json'
    assert 'restore the file' in str(caught.value)


@pytest.mark.parametrize(
    'matrix',
    [
        [0, 0, 1, 0, 5, 1, 0, 0, 1],
        [5, 0, 1, 0, -5, 1, 0, 0, 1],
        [5, 0, 1, 0, 5, 1, 0, 0, 2],
        [5, 0, float('nan'), 0, 5, 1, 0, 0, 1],
        'wide',
    ],
)
def test_intrinsics_that_are_no_camera_matrix(tmp_path, matrix):
    write_json(tmp_path / 'k.json', {'cam_K': matrix})
    with pytest.raises(CalibrationError, match='cam_K'):
        read_intrinsics(tmp_path / 'k.json')


def test_missing_calibration_file(tmp_path):
    with pytest.raises(MissingFileError, match=r'none\.json: cannot be opened'):
        read_intrinsics(tmp_path / 'none.json')


def test_optional_numbers(tmp_path):
    write_json(tmp_path / 'k.json', {'cam_D': ['0.5', 1], 'P': 'x', 'D': [True], 'K': [10**400]})
    assert read_optional_numbers(tmp_path / 'k.json', 'cam_D') == [0.5, 1.0]
    assert read_optional_numbers(tmp_path / 'k.json', 'R') is None
    for key in ('P', 'D', 'K'):
        with pytest.raises(CalibrationError, match=f"key '{key}'"):
            read_optional_numbers(tmp_path / 'k.json', key)


@pytest.mark.parametrize(
    ('value', 'expected'),
    [
        ('', None),
        (None, None),
        ({'delta_x': '', 'delta_y': ''}, None),
        ({'delta_x': 0, 'delta_y': 0}, (0.0, 0.0)),
        ({'delta_x': '-1.1', 'delta_y': 0.66}, (-1.1, 0.66)),
    ],
)
def test_offsets(tmp_path, value, expected):
    assert parse_offset(value, tmp_path, 'system_error_offset') == expected


@pytest.mark.parametrize(
    'value', [{'delta_x': 1}, {'delta_x': 1, 'delta_y': ''}, {'delta_x': 'nan', 'delta_y': 0}, 5]
)
def test_offsets_that_are_neither_absent_nor_numbers(tmp_path, value):
    with pytest.raises(CalibrationError):
        parse_offset(value, tmp_path, 'system_error_offset')
