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

"""Subpixel line and area drawing on BGR images, for the overlay and the bird's-eye picture."""

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from emiff_ros.viz.palette import Colour

_SHIFT = 4


def fixed_point(points: ArrayLike) -> NDArray[np.int32]:
    """Return pixel coordinates in OpenCV's fixed-point form (4 fractional bits)."""
    scaled = np.asarray(points, dtype=np.float64) * (1 << _SHIFT)
    return np.round(scaled).astype(np.int32, order='C')


def draw_polylines(
    image: NDArray[np.uint8],
    lines: ArrayLike,
    colour: Colour,
    thickness: int = 1,
    closed: bool = False,
) -> None:
    """Draw antialiased lines ``[L, V, 2]`` (pixels) in place."""
    lines = fixed_point(lines)
    if len(lines):
        cv2.polylines(image, list(lines), closed, colour.bgr, thickness, cv2.LINE_AA, shift=_SHIFT)


def fill_polygon(
    image: NDArray[np.uint8], polygon: ArrayLike, colour: Colour, opacity: float = 1.0
) -> None:
    """Fill a convex polygon ``[V, 2]`` (pixels) in place, antialiased, ``opacity`` 0..1."""
    if len(polygon):
        fill_polygons(image, np.asarray(polygon)[None], colour, opacity)


def fill_polygons(
    image: NDArray[np.uint8], polygons: ArrayLike, colour: Colour, opacity: float = 1.0
) -> None:
    """Fill convex polygons ``[N, V, 2]`` (pixels) in place; where they overlap they count once.

    Only the polygons' bounding box is blended, so that small areas cost little.
    """
    polygons = np.asarray(polygons, dtype=np.float64)
    if polygons.size == 0:
        return
    limits = image.shape[1::-1]
    left, top = np.clip(np.floor(polygons.min(axis=(0, 1))).astype(int) - 1, 0, limits)
    right, bottom = np.clip(np.ceil(polygons.max(axis=(0, 1))).astype(int) + 2, 0, limits)
    if left >= right or top >= bottom:
        return
    region = image[top:bottom, left:right]
    painted = region if opacity >= 1 else region.copy()
    for points in fixed_point(polygons - [left, top]):
        cv2.fillConvexPoly(painted, points, colour.bgr, cv2.LINE_AA, _SHIFT)
    if opacity < 1:
        cv2.addWeighted(painted, opacity, region, 1 - opacity, 0, dst=region)


def draw_circle(
    image: NDArray[np.uint8],
    centre: ArrayLike,
    radius: float,
    colour: Colour,
    thickness: int = 1,
) -> None:
    """Draw an antialiased circle in place; a negative thickness fills it.

    OpenCV's own large circles are coarse polygons; here the outline has an edge every few pixels.
    """
    steps = int(np.clip(radius, 24, 720))
    angles = np.linspace(0, 2 * np.pi, steps, endpoint=False)
    outline = np.asarray(centre) + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    if thickness < 0:
        cv2.fillConvexPoly(image, fixed_point(outline), colour.bgr, cv2.LINE_AA, _SHIFT)
    else:
        draw_polylines(image, [outline], colour, thickness, closed=True)


def rounded_rectangle(
    image: NDArray[np.uint8],
    corner: tuple[int, int],
    size: tuple[int, int],
    radius: int,
    colour: Colour,
    opacity: float = 1.0,
) -> None:
    """Fill a rectangle with round corners in place.

    Args:
        image: BGR, changed in place.
        corner: (x, y) of the upper left corner, pixels; the rectangle must lie inside the image.
        size: (width, height) in pixels.
        radius: of the corners, pixels.
        colour: of the area.
        opacity: 0..1.

    Raises:
        ValueError: if the rectangle does not lie inside the image.
    """
    (x, y), (width, height) = corner, size
    if x < 0 or y < 0 or x + width > image.shape[1] or y + height > image.shape[0]:
        raise ValueError(
            f'rectangle at {corner} of size {size} leaves the image of '
            f'{image.shape[1]}x{image.shape[0]} pixels'
        )
    region = image[y : y + height, x : x + width]
    alpha = corner_mask(size, radius)[..., None] * opacity
    region[:] = np.round(region + alpha * (np.array(colour.bgr) - region.astype(np.float32)))


def paste_rounded(
    image: NDArray[np.uint8], picture: NDArray[np.uint8], corner: tuple[int, int], radius: int
) -> None:
    """Copy ``picture`` into ``image`` at (x, y) with round corners, in place."""
    height, width = picture.shape[:2]
    region = image[corner[1] : corner[1] + height, corner[0] : corner[0] + width]
    alpha = corner_mask((width, height), radius)[..., None]
    region[:] = np.round(region + alpha * (picture.astype(np.float32) - region))


def corner_mask(size: tuple[int, int], radius: int) -> NDArray[np.float32]:
    """Return the coverage 0..1, ``[height, width]``, of a rectangle with round corners."""
    width, height = size
    radius = min(radius, width // 2, height // 2)
    x = np.arange(width) + 0.5
    y = np.arange(height) + 0.5
    across = np.maximum(np.maximum(radius - x, x - (width - radius)), 0)
    down = np.maximum(np.maximum(radius - y, y - (height - radius)), 0)
    distance = np.hypot(down[:, None], across[None, :])
    return np.clip(radius + 0.5 - distance, 0, 1).astype(np.float32)
