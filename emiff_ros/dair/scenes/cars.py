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

"""Meshes of passenger cars and vans from a few measures of their side view."""

from __future__ import annotations

from dataclasses import dataclass

from emiff_ros.dair.scenes.meshes import Mesh, MeshBuilder
from emiff_ros.dair.scenes.vehicle_parts import (
    GLASS,
    HEADLIGHT,
    PAINT,
    PLATE,
    TAIL_LIGHT,
    TRIM,
    add_wheels,
)


@dataclass(frozen=True)
class CarShape:
    """Side view of a car: heights from the ground, positions as shares of the length.

    Attributes:
        bonnet: height of the bonnet at the windscreen.
        deck: height of the body at the foot of the rear window.
        rear_foot, roof_rear, roof_front, cowl: where the rear window starts, the roof ends and
            begins and the windscreen starts, from the rear.
        panes: cuts of the side windows; ``closed`` lists window columns that are sheet metal.
    """

    length: float
    width: float
    height: float
    bonnet: float
    deck: float
    rear_foot: float
    roof_rear: float
    roof_front: float
    cowl: float
    wheel: float = 0.32
    clearance: float = 0.2
    panes: tuple[float, ...] = (0.0, 0.07, 0.47, 0.53, 0.9, 1.0)
    closed: tuple[int, ...] = ()
    tail_high: bool = False


def _body_section(
    x: float, low: float, top: float, half: float
) -> list[tuple[float, float, float]]:
    waist = low + 0.45 * (top - low)
    right = [
        (x, -0.9 * half, low),
        (x, -half, waist),
        (x, -0.96 * half, top - 0.06),
        (x, -0.86 * half, top),
    ]
    return right + [(px, -py, pz) for px, py, pz in reversed(right)]


def build_car(shape: CarShape) -> Mesh:
    """Return the mesh of a passenger car or van."""
    builder = MeshBuilder()
    length, half, low = shape.length, shape.width / 2, shape.clearance
    rear, front = -length / 2, length / 2
    cowl, foot = rear + shape.cowl * length, rear + shape.rear_foot * length
    nose = shape.bonnet - 0.13
    body = [
        (rear, low + 0.14, shape.deck - 0.22, 0.90),
        (rear + 0.10, low + 0.04, shape.deck - 0.02, 0.96),
        (max(foot, rear + 0.16), low, shape.deck, 1.0),
        (cowl, low, shape.bonnet, 1.0),
        (cowl + 0.6 * (front - cowl), low, nose + 0.04, 0.97),
        (front - 0.10, low + 0.02, nose - 0.08, 0.90),
        (front, low + 0.10, nose - 0.26, 0.80),
    ]
    builder.loft([_body_section(x, z0, z1, half * k) for x, z0, z1, k in body], **PAINT)
    _cabin(builder, shape, foot, cowl)
    _front_and_rear(builder, shape, nose)
    for side in (-1, 1):
        builder.box(
            [cowl - 0.25, side * half - 0.09, shape.bonnet + 0.02],
            [cowl - 0.10, side * half + 0.06, shape.bonnet + 0.16],
            **PAINT,
        )
    base = 0.58 * length
    add_wheels(
        builder,
        [front - 0.19 * length - 0.02, front - 0.19 * length - 0.02 - base],
        half,
        shape.wheel,
    )
    return builder.build()


def _cabin(builder: MeshBuilder, shape: CarShape, foot: float, cowl: float) -> None:
    rear = -shape.length / 2
    base, top = 0.45 * shape.width, 0.37 * shape.width
    roof_rear = rear + shape.roof_rear * shape.length
    roof_front = rear + shape.roof_front * shape.length
    height, eaves = shape.height, shape.height - 0.07
    low = {
        side: [(foot, side * base, shape.deck - 0.03), (cowl, side * base, shape.bonnet - 0.03)]
        for side in (-1, 1)
    }
    high = {
        side: [(roof_rear, side * top, eaves), (roof_front, side * top, eaves)] for side in (-1, 1)
    }
    for side in (-1, 1):
        corners = [*low[side], high[side][1], high[side][0]]
        builder.panel(corners, shape.panes, (0.0, 0.10, 0.93, 1.0), GLASS, PAINT, shape.closed)
    screen = [low[-1][1], low[1][1], high[1][1], high[-1][1]]
    builder.panel(screen, (0.0, 0.05, 0.95, 1.0), (0.0, 0.03, 0.94, 1.0), GLASS, PAINT)
    back = [low[-1][0], low[1][0], high[1][0], high[-1][0]]
    rear_rows = (0.0, 0.35, 0.9, 1.0) if shape.tail_high else (0.0, 0.12, 0.9, 1.0)
    builder.panel(back, (0.0, 0.10, 0.90, 1.0), rear_rows, GLASS, PAINT)
    inset = 0.12
    crown = [
        (roof_rear + inset, -top + inset, height),
        (roof_front - inset, -top + inset, height),
        (roof_front - inset, top - inset, height),
        (roof_rear + inset, top - inset, height),
    ]
    rim = [high[-1][0], high[-1][1], high[1][1], high[1][0]]
    builder.loft([rim, crown], **PAINT)


def _front_and_rear(builder: MeshBuilder, shape: CarShape, nose: float) -> None:
    length, half, low = shape.length, shape.width / 2, shape.clearance
    front, rear = length / 2, -length / 2
    builder.box(
        [front - 0.06, -0.48 * half, low + 0.2], [front + 0.008, 0.48 * half, nose - 0.28], **TRIM
    )
    builder.box(
        [front - 0.05, -0.7 * half, low + 0.05], [front + 0.004, 0.7 * half, low + 0.15], **TRIM
    )
    builder.box([front - 0.05, -0.2, low + 0.22], [front + 0.014, 0.2, low + 0.34], **PLATE)
    builder.box(
        [rear - 0.01, -0.75 * half, low + 0.1], [rear + 0.08, 0.75 * half, low + 0.24], **TRIM
    )
    plate = 0.5 * (low + shape.deck)
    builder.box([rear - 0.012, -0.22, plate], [rear + 0.05, 0.22, plate + 0.14], **PLATE)
    for side in (-1, 1):
        y0, y1 = sorted([side * 0.56 * half, side * 0.90 * half])
        builder.box([front - 0.30, y0, nose - 0.26], [front - 0.045, y1, nose - 0.11], **HEADLIGHT)
        y0, y1 = sorted([side * 0.58 * half, side * 0.95 * half])
        top = shape.height - 0.35 if shape.tail_high else shape.deck - 0.08
        bottom = shape.deck - 0.30
        if shape.tail_high:
            y0, y1 = sorted([side * 0.78 * half, side * 0.95 * half])
        builder.box([rear - 0.006, y0, bottom], [rear + 0.22, y1, top], **TAIL_LIGHT)
