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

"""Antialiased text on OpenCV images.

OpenCV draws its own text with stroke fonts of the 1960s. Here each string is set once by Pillow
and kept as an alpha mask, so that drawing it again costs microseconds.
"""

import contextlib
import functools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFont

from emiff_ros.viz.palette import Colour

_SUBSTITUTES = str.maketrans({'\N{EM DASH}': '-'})
"""For what the font lacks."""

_HORIZONTAL = {'left': 0.0, 'centre': 0.5, 'right': 1.0}


@functools.lru_cache(maxsize=32)
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = None
    with contextlib.suppress(TypeError):  # Pillow before 10.1 has no scalable default font
        font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        import matplotlib

        path = Path(matplotlib.get_data_path()) / 'fonts' / 'ttf' / 'DejaVuSans.ttf'
        font = ImageFont.truetype(str(path), round(size * 0.9))
    return font


@functools.lru_cache(maxsize=1024)
def _mask(text: str, size: int) -> NDArray[np.float32]:
    """Return the coverage 0..1 of ``text``, as high as the font's line and as wide as the text."""
    text = text.translate(_SUBSTITUTES)
    font = _font(size)
    ascent, descent = font.getmetrics()
    width = max(1, round(font.getlength(text)))
    mask, (left, top) = font.getmask2(text, mode='L')
    coverage = np.zeros((ascent + descent, width), dtype=np.float32)
    if mask.size[0] and mask.size[1]:
        ink = np.asarray(mask, dtype=np.float32).reshape(mask.size[1], mask.size[0]) / 255.0
        _blend_region(coverage, ink, left, top)
    coverage.setflags(write=False)
    return coverage


def _blend_region(target: NDArray, ink: NDArray, left: int, top: int) -> None:
    target_rows, ink_rows = _overlap(top, ink.shape[0], target.shape[0])
    target_columns, ink_columns = _overlap(left, ink.shape[1], target.shape[1])
    target[target_rows, target_columns] = ink[ink_rows, ink_columns]


def _overlap(start: int, length: int, limit: int) -> tuple[slice, slice]:
    first, last = max(0, start), max(0, min(limit, start + length))
    return slice(first, max(first, last)), slice(first - start, max(first, last) - start)


def text_size(text: str, size: int) -> tuple[int, int]:
    """Return width and line height in pixels of ``text`` at font size ``size`` (pixels)."""
    height, width = _mask(text, size).shape
    return width, height


def draw_text(
    image: NDArray[np.uint8],
    text: str,
    position: tuple[float, float],
    size: int,
    colour: Colour,
    align: str = 'left',
    opacity: float = 1.0,
) -> None:
    """Draw ``text`` into a BGR image in place; what lies outside the image is cut off.

    Args:
        image: ``[H, W, 3]`` uint8, changed in place.
        text: one line; characters of Latin-1, and the em dash, which is drawn as a hyphen.
        position: (x, y) in pixels: the line's middle height, and its point named by ``align``.
        size: font size in pixels.
        colour: of the ink.
        align: ``left``, ``centre`` or ``right`` of the line.
        opacity: 0 (nothing) to 1.

    Raises:
        ValueError: for an unknown ``align``.
    """
    if align not in _HORIZONTAL:
        raise ValueError(f'align is {align!r}; expected one of {sorted(_HORIZONTAL)}')
    if not text:
        return
    mask = _mask(text, size)
    height, width = mask.shape
    rows, mask_rows = _overlap(round(position[1] - height / 2), height, image.shape[0])
    columns, mask_columns = _overlap(
        round(position[0] - width * _HORIZONTAL[align]), width, image.shape[1]
    )
    region = image[rows, columns]
    if region.size == 0:
        return
    alpha = (mask[mask_rows, mask_columns] * opacity)[..., None]
    blended = region + alpha * (np.array(colour.bgr, dtype=np.float32) - region)
    image[rows, columns] = np.round(blended).astype(np.uint8)
