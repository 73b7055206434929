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

"""Calibration files of DAIR-V2X-C: intrinsics, affine extrinsics and the roadside offset."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emiff_ros.dair.errors import CalibrationError, DairError
from emiff_ros.dair.json_fields import RESTORE, load_json, number, numbers, require
from emiff_ros.geometry import Affine, affine_from_parts

Offset = tuple[float, float]


def read_intrinsics(path: Path) -> NDArray[np.float64]:
    """Read ``cam_K`` of a camera_intrinsic file: 3x3, pixels of the full-size image.

    ``P`` of the same file is not used: on the real roadside camera its focal length is 9 % shorter
    than the one that the labels were projected with.

    Raises:
        MissingFileError, JsonError: if the file cannot be read.
        CalibrationError: if cam_K is missing, not finite or no camera matrix.
    """
    calibration = load_json(path, dict)
    matrix = numbers(
        require(calibration, 'cam_K', path, CalibrationError),
        (3, 3),
        path,
        'cam_K',
        CalibrationError,
    )
    if min(matrix[0, 0], matrix[1, 1]) <= 0 or not np.array_equal(matrix[2], [0.0, 0.0, 1.0]):
        raise CalibrationError(
            path,
            f'is {matrix.tolist()}; expected positive focal lengths and a last row 0 0 1',
            RESTORE,
            'cam_K',
        )
    return matrix


def read_optional_numbers(path: Path, key: str) -> list[float] | None:
    """Read a flat list of numbers such as ``cam_D`` or ``P``; None if the file has no such key.

    Raises:
        MissingFileError, JsonError: if the file cannot be read.
        CalibrationError: if the key is there and does not hold finite numbers.
    """
    values = load_json(path, dict).get(key)
    if values is None:
        return None
    if not isinstance(values, list):
        raise CalibrationError(path, f'is {values!r}; expected a list of numbers', RESTORE, key)
    return [number(value, path, key, CalibrationError) for value in values]


def read_affine(path: Path) -> Affine:
    """Read ``rotation`` and ``translation`` as an affine [3, 4] transform, metres.

    They may be nested below ``transform`` (lidar_to_novatel). The linear part need not be a
    rotation: ``virtuallidar_to_camera`` of the real data has determinant 0.81.

    Raises:
        MissingFileError, JsonError: if the file cannot be read.
        CalibrationError: if a key is missing, a number is not finite or the matrix is singular.
    """
    calibration = load_json(path, dict)
    parts = calibration.get('transform', calibration)
    rotation = numbers(
        require(parts, 'rotation', path, CalibrationError),
        (3, 3),
        path,
        'rotation',
        CalibrationError,
    )
    translation = numbers(
        require(parts, 'translation', path, CalibrationError),
        (3,),
        path,
        'translation',
        CalibrationError,
    )
    try:
        return affine_from_parts(rotation, translation, 'rotation')
    except ValueError as error:
        raise CalibrationError(path, str(error), RESTORE, 'rotation') from error


def parse_offset(
    value: Any, path: Path, key: str, error: type[DairError] = CalibrationError
) -> Offset | None:
    """Return a roadside offset ``{delta_x, delta_y}`` in metres; None where the data set has none.

    The data set writes an absent offset as ``""``, leaves the key out, or leaves both numbers
    empty. (0, 0) is a value like any other.

    Raises:
        error: if it is neither absent nor two finite numbers.
    """
    if value is None or value == '':
        return None
    deltas = [require(value, name, path, error) for name in ('delta_x', 'delta_y')]
    if all(delta in ('', None) for delta in deltas):
        return None
    x, y = (number(delta, path, key, error) for delta in deltas)
    return x, y
