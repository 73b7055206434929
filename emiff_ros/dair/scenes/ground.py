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

"""The ground as a picture: grass, pavement, worn asphalt, markings; looked up with mip levels.

The picture covers a square around the junction; texel (row, column) lies at x = -extent + column *
texel, y = -extent + row * texel. Colours given out are linear albedo.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from emiff_ros.dair.scenes.layout import (
    ARM_LENGTH,
    STOP_LINE,
    ZEBRA_FAR,
    ZEBRA_NEAR,
    Arm,
    Junction,
)

FloatArray = NDArray[np.float32]

EXTENT = 130.0
_SHIFT = 4
_LEVELS = 6
_COLUMNS = 4096
_LINEAR = ((np.arange(256) / 255.0) ** 2.2).astype(np.float32)


@dataclass(frozen=True)
class Ground:
    """A pyramid of gamma-coded pictures uint8 ``[n, n, 3]``, finest first; ``texel`` in metres."""

    levels: tuple[NDArray[np.uint8], ...]
    texel: float

    def sample(self, x: FloatArray, y: FloatArray, footprint: FloatArray) -> FloatArray:
        """Look up albedo ``[n, 3]`` at scene points, blurred to about ``footprint`` metres."""
        result = np.empty((len(x), 3), dtype=np.float32)
        wanted = np.log2(np.maximum(footprint / self.texel, 1e-3))
        level_of = np.clip(np.rint(wanted), 0, len(self.levels) - 1).astype(np.int8)
        for level, picture in enumerate(self.levels):
            chosen = np.flatnonzero(level_of == level)
            if not len(chosen):
                continue
            texel = self.texel * 2**level
            offset = 0.5 * (1 - 1 / 2**level)
            rows = -(-len(chosen) // _COLUMNS)
            u = np.zeros((2, rows * _COLUMNS), dtype=np.float32)
            u[0, : len(chosen)] = (x[chosen] + EXTENT) / texel - offset
            u[1, : len(chosen)] = (y[chosen] + EXTENT) / texel - offset
            u = u.reshape(2, rows, _COLUMNS)
            colours = cv2.remap(
                picture, u[0], u[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )
            result[chosen] = _LINEAR[colours.reshape(-1, 3)[: len(chosen)]]
        return result


class _Canvas:
    def __init__(self, texel: float) -> None:
        self.texel = texel
        self.size = int(round(2 * EXTENT / texel))
        self.picture = np.zeros((self.size, self.size, 3), dtype=np.uint8)

    def polygon(self, points: NDArray[np.float64], colour: tuple[float, float, float]) -> None:
        fill_polygon(self.picture, (points + EXTENT) / self.texel, colour)

    def mask(self, polygons: list[NDArray[np.float64]]) -> NDArray[np.bool_]:
        mask = np.zeros((self.size, self.size), dtype=np.uint8)
        for points in polygons:
            fill_polygon(mask, (points + EXTENT) / self.texel, (255,))
        return mask > 127


def fill_polygon(picture: NDArray[np.uint8], points: NDArray[np.float64], colour: tuple) -> None:
    """Fill a polygon given in pixels, with soft edges."""
    fixed = np.round(np.clip(points, -3e4, 3e4) * 2**_SHIFT).astype(np.int32)
    cv2.fillPoly(picture, [fixed], colour, lineType=cv2.LINE_AA, shift=_SHIFT)


def _noise(size: int, cell: float, rng: np.random.Generator) -> FloatArray:
    count = max(4, int(size / cell))
    coarse = rng.standard_normal((count, count), dtype=np.float32)
    return cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC)


def _to_byte(colour: tuple[float, float, float]) -> tuple[float, float, float]:
    return tuple(255.0 * np.clip(c, 0, 1) ** (1 / 2.2) for c in colour)


def make_ground(junction: Junction, texel: float, rng: np.random.Generator) -> Ground:
    """Paint the ground of a junction with ``texel`` metres per pixel."""
    canvas = _Canvas(texel)
    grass = np.array([0.09, 0.15, 0.04]) * rng.uniform(0.7, 1.3, 3)
    plaza = rng.random() < 0.3
    canvas.picture[:] = _to_byte((0.3, 0.28, 0.25) if plaza else grass)
    slab = np.array([0.34, 0.31, 0.28]) * rng.uniform(0.75, 1.2, 3)
    if rng.random() < 0.3:
        slab = np.array([0.35, 0.18, 0.13]) * rng.uniform(0.8, 1.2, 3)
    for polygon in junction.outline(junction.pavement):
        canvas.polygon(polygon, _to_byte(slab))
    for polygon in junction.outline(0.25):
        canvas.polygon(polygon, _to_byte((0.4, 0.4, 0.39)))
    asphalt = rng.uniform(0.045, 0.12) * np.array([1.0, 1.0, 1.0 + rng.uniform(-0.05, 0.08)])
    roads = junction.outline()
    for polygon in roads:
        canvas.polygon(polygon, _to_byte(asphalt))
    road = canvas.mask(roads)
    _patches(canvas, junction, asphalt, rng)
    worn = rng.uniform(0.55, 0.85)
    for arm in junction.arms:
        _markings(canvas, arm, worn, rng)
    size = canvas.size
    tone = 1 + 0.05 * _noise(size, 8 / texel, rng) + 0.025 * _noise(size, 1.5 / texel, rng)
    tone += np.where(road, 0.035, 0.07).astype(np.float32) * _noise(size, 0.22 / texel, rng)
    tone = np.clip(tone, 0.5, 1.4)
    levels = [
        cv2.merge(
            [cv2.multiply(plane, tone, dtype=cv2.CV_8U) for plane in cv2.split(canvas.picture)]
        )
    ]
    while len(levels) < _LEVELS:
        half = levels[-1].shape[0] // 2
        levels.append(cv2.resize(levels[-1], (half, half), interpolation=cv2.INTER_AREA))
    return Ground(tuple(levels), texel)


def _patches(
    canvas: _Canvas, junction: Junction, asphalt: NDArray[np.float64], rng: np.random.Generator
) -> None:
    for _ in range(rng.integers(4, 16)):
        arm = junction.arms[rng.integers(len(junction.arms))]
        distance = rng.uniform(0, 90)
        lateral = rng.uniform(arm.edge_out, arm.edge_in - 1)
        length, width = rng.uniform(0.8, 14), rng.uniform(0.6, 3.4)
        width = min(width, arm.edge_in - lateral)
        tone = asphalt * rng.uniform(0.65, 1.35)
        canvas.polygon(
            _strip(arm, distance, distance + length, lateral, lateral + width), _to_byte(tone)
        )


def _strip(arm: Arm, near: float, far: float, low: float, high: float) -> NDArray[np.float64]:
    return np.array(
        [arm.point(near, low), arm.point(far, low), arm.point(far, high), arm.point(near, high)]
    )


def _markings(canvas: _Canvas, arm: Arm, worn: float, rng: np.random.Generator) -> None:
    white, yellow = _to_byte((worn,) * 3), _to_byte((worn, 0.62 * worn, 0.12 * worn))
    far = ARM_LENGTH * 1.4

    def line(near: float, end: float, lateral: float, colour: tuple, width: float = 0.15) -> None:
        strip = _strip(arm, near, end, lateral - width / 2, lateral + width / 2)
        canvas.polygon(strip, colour)

    solid_end = arm.stop + rng.uniform(25, 40)
    for lane in range(1, arm.lanes_in):
        lateral = arm.median / 2 + lane * arm.lane_width
        line(arm.stop, solid_end, lateral, white)
        for start in np.arange(solid_end + 3, far, 10.0):
            line(start, start + 4, lateral, white)
    for lane in range(1, arm.lanes_out):
        lateral = -(arm.median / 2 + lane * arm.lane_width)
        for start in np.arange(arm.mouth + STOP_LINE, far, 10.0):
            line(start, start + 4, lateral, white)
    line(arm.mouth + STOP_LINE, far, arm.edge_in - 0.3, white)
    line(arm.mouth + STOP_LINE, far, arm.edge_out + 0.3, white)
    if arm.median > 1.0:
        green = rng.random() < 0.75
        colour = (0.10, 0.15, 0.05) if green else (0.35, 0.33, 0.3)
        half = arm.median / 2 - 0.15
        canvas.polygon(
            _strip(arm, arm.stop, far, -half - 0.15, half + 0.15), _to_byte((0.42, 0.42, 0.4))
        )
        canvas.polygon(_strip(arm, arm.stop + 0.2, far, -half, half), _to_byte(colour))
    else:
        line(arm.stop, far, 0.12, yellow, 0.13)
        line(arm.stop, far, -0.12, yellow, 0.13)
    line(
        arm.stop,
        arm.stop + 0.4,
        (arm.median / 2 + arm.edge_in - 0.3) / 2,
        white,
        arm.edge_in - 0.3 - arm.median / 2,
    )
    for lateral in np.arange(arm.edge_out + 0.5, arm.edge_in - 0.6, 1.0):
        canvas.polygon(
            _strip(arm, arm.mouth + ZEBRA_NEAR, arm.mouth + ZEBRA_FAR, lateral, lateral + 0.45),
            white,
        )
    for lane in range(arm.lanes_in):
        _arrow(canvas, arm, arm.lane_in(lane), white)


def _arrow(canvas: _Canvas, arm: Arm, lateral: float, white: tuple) -> None:
    tail = arm.stop + 10.0
    canvas.polygon(_strip(arm, tail - 3.5, tail, lateral - 0.1, lateral + 0.1), white)
    tip = [
        arm.point(tail - 5.5, lateral),
        arm.point(tail - 3.4, lateral - 0.45),
        arm.point(tail - 3.4, lateral + 0.45),
    ]
    canvas.polygon(np.array(tip), white)
