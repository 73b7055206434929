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

"""JPEG files of the data set: size from the header, bytes checked for truncation."""

from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from emiff_ros.dair.errors import ImageError, MissingFileError
from emiff_ros.jpeg import decode, is_complete_jpeg, reduction

_REPLACE = 'replace it by the original from the data set'


def jpeg_size(file: BinaryIO, path: Path) -> tuple[int, int]:
    """Return (height, width) in pixels from a JPEG header, without decoding the image.

    Raises:
        ImageError: if the header is no readable JPEG header.
    """
    try:
        with Image.open(file) as image:
            kind, (width, height) = image.format, image.size
    except (UnidentifiedImageError, OSError, SyntaxError) as error:
        raise ImageError(path, f'has no readable JPEG header ({error})', _REPLACE) from error
    if kind != 'JPEG':
        raise ImageError(path, f'is a {kind} image; expected JPEG', 'convert it to JPEG')
    return height, width


def read_image_size(path: Path) -> tuple[int, int]:
    """Return (height, width) in pixels of a JPEG file; reads only its header.

    Raises:
        MissingFileError: if the file cannot be opened.
        ImageError: if its header is no readable JPEG header.
    """
    with _open(path) as file:
        return jpeg_size(file, path)


def read_jpeg(path: Path) -> bytes:
    """Return the bytes of a JPEG file after checking that it is complete, to its end marker.

    Raises:
        MissingFileError: if the file cannot be opened.
        ImageError: if it is no JPEG or truncated.
    """
    with _open(path) as file:
        data = file.read()
    jpeg_size(BytesIO(data), path)
    if not is_complete_jpeg(data):
        raise ImageError(
            path, f'is truncated (no end-of-image marker in its {len(data)} bytes)', _REPLACE
        )
    return data


def read_image(path: Path, least: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """Read a JPEG file as RGB uint8 ``[H, W, 3]``.

    Args:
        path: of the file.
        least: (height, width) that are enough, for an image that is resized to them next: it is
            decoded at a half, a quarter or an eighth of its size if that covers them, as the nodes
            do. By default it is decoded in full.

    Raises:
        MissingFileError: if the file cannot be opened.
        ImageError: if it is no JPEG, truncated or cannot be decoded.
    """
    data = read_jpeg(path)
    factor = 1 if least is None else reduction(jpeg_size(BytesIO(data), path), least)
    image = decode(data, factor)
    if image is None:
        raise ImageError(path, f'has {len(data)} bytes that are no image', _REPLACE)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _open(path: Path) -> BinaryIO:
    try:
        return path.open('rb')
    except OSError as error:
        raise MissingFileError(
            path, f'cannot be opened ({error.strerror})', 'complete the download of the images'
        ) from error
