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

"""Overlaps of rotated rectangles, pair by pair on a CPU.

A rectangle is a row of float64, (x, y, size along the heading, size across, yaw).
"""

import math

import numpy as np
from numpy.typing import NDArray

from emiff_ros.compiled import compiled

_RELATIVE_TOLERANCE = 1e-9

SHRINKAGE = 1e-10
"""Share by which one of two rectangles is made smaller."""

NO_LENGTH = 1e-100
"""What divides in the place of an edge's component of 0."""

Rectangle = NDArray[np.float64]


@compiled
def overlaps(a: Rectangle, b: Rectangle, least: float) -> NDArray[np.float64]:
    """Return the intersection over union of rectangles [N, 5] and [M, 5]: [N, M].

    What is below ``least`` may be 0 instead, which saves most of the work. The same array twice
    takes half of it.
    """
    found = np.zeros((len(a), len(b)))
    symmetric = a is b
    reach_a, reach_b = _reach(a), _reach(b)
    for row in range(len(a)):
        for column in range(row if symmetric else 0, len(b)):
            x, y = b[column, 0] - a[row, 0], b[column, 1] - a[row, 1]
            if x * x + y * y < (reach_a[row] + reach_b[column]) ** 2:
                found[row, column] = _overlap(a[row], b[column], least)
                if symmetric:
                    found[column, row] = found[row, column]
    return found


@compiled
def _reach(rectangles: Rectangle) -> NDArray[np.float64]:
    """Return half the diagonal of each."""
    return np.sqrt(rectangles[:, 2] ** 2 + rectangles[:, 3] ** 2) / 2


@compiled
def _overlap(a: Rectangle, b: Rectangle, least: float) -> float:
    areas = a[2] * a[3] + b[2] * b[3]
    needed = least / (1 + least) * (1 - _RELATIVE_TOLERANCE) * areas
    shared = min(_shared_at_most(a, b), _shared_at_most(b, a))
    if not (shared > 0 and shared >= needed):
        return 0.0
    shared = _shared_area(a, b)
    return shared / (areas - shared) if shared > 0 else 0.0


@compiled
def _shared_at_most(a: Rectangle, b: Rectangle) -> float:
    """Bound the area that both share: ``a`` with the extents of ``b`` along its sides.

    Touching rectangles may get a bound just above 0, none that overlap gets 0.
    """
    cos, sin = abs(math.cos(b[4] - a[4])), abs(math.sin(b[4] - a[4]))
    shift = _rotated(b[0] - a[0], b[1] - a[1], -a[4])
    bound = 1.0
    for axis, extent in enumerate((b[2] * cos + b[3] * sin, b[3] * cos + b[2] * sin)):
        own = a[2 + axis]
        side = (own + extent) / 2 * (1 + _RELATIVE_TOLERANCE) - abs(shift[axis])
        bound *= max(min(side, own, extent), 0.0)
    return bound


@compiled
def _shared_area(a: Rectangle, b: Rectangle) -> float:
    """Return the area of the convex polygon that two rectangles share.

    Its outline is what of each outline lies inside the other rectangle, and an edge from p along
    e adds p x e / 2 to the area inside (Green's theorem). Rectangle ``a`` is made smaller by
    ``SHRINKAGE``, since an edge that both share must count once, and twice or never where they
    only touch. Everything is relative to ``a``, so that large map coordinates lose nothing.
    """
    half_a = (a[2] / 2 * (1 - SHRINKAGE), a[3] / 2 * (1 - SHRINKAGE))
    half_b = (b[2] / 2, b[3] / 2)
    turn = b[4] - a[4]
    centre = _rotated(b[0] - a[0], b[1] - a[1], -a[4])
    area = 0.0
    for corner in range(4):
        x, y = _corner(half_a, corner)
        next_x, next_y = _corner(half_a, corner + 1)
        around = x * next_y - y * next_x
        start = _rotated(x - centre[0], y - centre[1], -turn)
        end = _rotated(next_x - centre[0], next_y - centre[1], -turn)
        area += around / 2 * _share_within(start, end, half_b)

        start = _moved(_corner(half_b, corner), turn, centre)
        end = _moved(_corner(half_b, corner + 1), turn, centre)
        around = start[0] * end[1] - start[1] * end[0]
        area += around / 2 * _share_within(start, end, half_a)
    return max(area, 0.0)


@compiled
def _corner(half: tuple[float, float], corner: int) -> tuple[float, float]:
    """Return one of the counter-clockwise corners of a rectangle around the origin."""
    behind, right = (corner + 1) // 2 % 2, corner // 2 % 2
    return (1 - 2 * behind) * half[0], (1 - 2 * right) * half[1]


@compiled
def _moved(
    point: tuple[float, float], turn: float, shift: tuple[float, float]
) -> tuple[float, float]:
    x, y = _rotated(point[0], point[1], turn)
    return x + shift[0], y + shift[1]


@compiled
def _rotated(x: float, y: float, angle: float) -> tuple[float, float]:
    cos, sin = math.cos(angle), math.sin(angle)
    return x * cos - y * sin, x * sin + y * cos


@compiled
def _share_within(
    start: tuple[float, float], end: tuple[float, float], half: tuple[float, float]
) -> float:
    """Return which share of an edge lies in the rectangle from -half to half."""
    enter, leave = 0.0, 1.0
    for axis in range(2):
        edge = end[axis] - start[axis]
        if abs(edge) < NO_LENGTH:
            edge = NO_LENGTH
        one, other = (-half[axis] - start[axis]) / edge, (half[axis] - start[axis]) / edge
        enter, leave = max(enter, min(one, other)), min(leave, max(one, other))
    return max(leave - enter, 0.0)
