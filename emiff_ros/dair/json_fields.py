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

"""Reading JSON whose numbers may be strings, with errors that name file and key."""

from collections.abc import Mapping
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emiff_ros.dair.errors import DairError, JsonError, MissingFileError

RESTORE = 'restore the file from the data set'


def load_json(path: Path, expected: type) -> Any:
    """Read a JSON file whose outermost value is of type ``expected`` (``dict`` or ``list``).

    Raises:
        MissingFileError: if the file cannot be opened.
        JsonError: if it is no JSON or its outermost value has another type.
    """
    try:
        text = path.read_text(encoding='utf-8')
    except UnicodeDecodeError as error:
        raise JsonError(path, f'is not UTF-8 text ({error.reason})', RESTORE) from error
    except OSError as error:
        raise MissingFileError(
            path, f'cannot be opened ({error.strerror})', 'check the folder and its permissions'
        ) from error
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise JsonError(path, f'is not valid JSON ({error})', RESTORE) from error
    if not isinstance(value, expected):
        raise JsonError(
            path, f'holds a {type(value).__name__}; expected a {expected.__name__}', RESTORE
        )
    return value


def require(mapping: Mapping[str, Any], key: str, path: Path, error: type[DairError]) -> Any:
    """Return ``mapping[key]``.

    Raises:
        error: if the key is missing or ``mapping`` is no JSON object.
    """
    if not isinstance(mapping, Mapping):
        raise error(path, f'found {_shown(mapping)} where an object was expected', RESTORE, key)
    if key not in mapping:
        raise error(path, f'is missing; found {sorted(mapping)}', 'add it or ' + RESTORE, key)
    return mapping[key]


def number(value: Any, path: Path, key: str, error: type[DairError]) -> float:
    """Return a finite number given as number or as string.

    Raises:
        error: for anything else, NaN and infinities included.
    """
    try:
        if isinstance(value, bool):
            raise TypeError
        result = float(value)
    except (TypeError, ValueError, OverflowError):
        result = math.nan
    if not math.isfinite(result):
        raise error(path, f'is {_shown(value)}; expected a finite number', RESTORE, key)
    return result


def numbers(
    values: Any, shape: tuple[int, ...], path: Path, key: str, error: type[DairError]
) -> NDArray[np.float64]:
    """Return finite numbers (or strings of numbers) as a float64 array of the given shape.

    Values may be nested differently as long as their count fits (DAIR-V2X writes translations as
    3x1 and matrices as 3x3 or flat).

    Raises:
        error: for another count, for text that is no number and for numbers that are not finite.
    """
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        array = None
    if array is None or array.size != math.prod(shape):
        raise error(
            path, f'is {_shown(values)}; expected {math.prod(shape)} numbers', RESTORE, key
        )
    if not np.isfinite(array).all():
        raise error(path, f'holds a number that is not finite: {_shown(values)}', RESTORE, key)
    return array.reshape(shape)


def _shown(value: Any) -> str:
    """Return ``value`` as text, cut to a length that fits an error message."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + '...'
