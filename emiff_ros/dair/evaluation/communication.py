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

"""Average bytes (AB) as OpenDAIRV2X counts what the roadside sends.

Its counter charges 8 bytes for a number and reduces a box's 24 corner coordinates to 7 parameters;
headers, stamps, calibration and serialisation are not counted. The true serialised bytes of a
message are larger and are reported beside AB, never in its place.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

_BYTES_PER_NUMBER = 8
_PARAMETERS_PER_BOX, _COORDINATES_PER_BOX = 7, 24


def message_bytes(values: Mapping[str, Any]) -> float:
    """Return the bytes that one frame's message counts for.

    Args:
        values: what is sent, by key: arrays, lists, numbers or text. Keys that end in ``boxes``
            hold corners [N, 8, 3] and count 56 bytes a box.

    Raises:
        ValueError: for a kind of value that the published counter does not know (a tensor).
    """
    total = 0.0
    for key, value in values.items():
        if isinstance(value, np.ndarray | list | tuple):
            count = float(np.asarray(value).size * _BYTES_PER_NUMBER)
        elif isinstance(value, int | float | np.number):
            count = float(_BYTES_PER_NUMBER)
        elif isinstance(value, str):
            count = float(len(value))
        else:
            raise ValueError(
                f'{key} is a {type(value).__name__}; AB counts arrays, lists, numbers and text '
                '(convert tensors to arrays, and count features by their payload instead)'
            )
        if key.endswith('boxes'):
            count *= _PARAMETERS_PER_BOX / _COORDINATES_PER_BOX
        total += count
    return total


def late_fusion_bytes(boxes: int) -> float:
    """Return AB of one frame of late fusion: boxes, scores and labels, 72 bytes a box.

    A frame without boxes sends one dummy box, as published.
    """
    if boxes < 0:
        raise ValueError(f'boxes is {boxes}; expected 0 or more')
    count = max(boxes, 1)
    return message_bytes(
        {'boxes': np.zeros((count, 8, 3)), 'score': np.zeros(count), 'label': np.zeros(count)}
    )


def average_bytes(frames: Iterable[float]) -> float:
    """Return AB: the mean over frames of ``message_bytes``; 0 if there are no frames."""
    counts = list(frames)
    return float(np.mean(counts)) if counts else 0.0
