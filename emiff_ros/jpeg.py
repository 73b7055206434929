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

"""JPEG images: whole or cut off, and decoded no larger than they are needed."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

_START = b'\xff\xd8'
_END = b'\xff\xd9'
_BLOCK = 4096

Bytes = bytes | bytearray | memoryview

_FLAGS = {
    1: cv2.IMREAD_COLOR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


def is_jpeg(data: Bytes) -> bool:
    """Tell whether ``data`` begins as a JPEG does."""
    return bytes(data[:2]) == _START


def is_complete_jpeg(data: Bytes) -> bool:
    """Tell whether a JPEG has its end.

    One that was cut off still decodes, to a picture with a grey lower part. The end-of-image
    marker cannot occur within compressed data, so it must be the last thing; cameras fill up the
    rest of their buffer with zeros.
    """
    return is_jpeg(data) and _tail(data).endswith(_END)


def _tail(data: Bytes) -> bytes:
    """Return the last bytes, at least two, before the zeros at the end; ``data`` is not copied."""
    for end in range(len(data), 0, -_BLOCK):
        # One more than a block, so that no marker lies across two.
        tail = bytes(data[max(0, end - _BLOCK - 1) : end]).rstrip(b'\0')
        if len(tail) > 1:
            return tail
    return b''


def reduction(size: tuple[int, int], least: tuple[int, int]) -> int:
    """Return by how much (1, 2, 4 or 8) an image can be reduced and still cover another size.

    Args:
        size: (height, width) of the image, pixels.
        least: (height, width) that must be left.
    """
    fitting = (
        factor
        for factor in _FLAGS
        if all(full // factor >= wanted for full, wanted in zip(size, least, strict=True))
    )
    return max(fitting, default=1)


def reduced_size(size: tuple[int, int], factor: int) -> tuple[int, int]:
    """Return the (height, width) that :func:`decode` makes of an image of ``size``."""
    height, width = size
    return -(-height // factor), -(-width // factor)


def decode(data: Bytes, factor: int = 1) -> NDArray[np.uint8] | None:
    """Decode an image to BGR ``[height, width, 3]``; None if it cannot be decoded.

    A JPEG consists of 8x8 blocks, which take less time to decode at a half, a quarter or an eighth
    of their size than in full, and each pixel is then about the mean of those that it stands for.

    Args:
        data: of a JPEG; with factor 1 also of another format that OpenCV reads.
        factor: 1, 2, 4 or 8, by which both sides become smaller, see :func:`reduction`.
    """
    if not len(data):
        return None
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), _FLAGS[factor])
    except cv2.error:  # raised for a size beyond OpenCV's limits, None is for all else
        return None
