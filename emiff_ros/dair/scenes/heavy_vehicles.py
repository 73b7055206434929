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

"""Meshes of buses and lorries."""

from __future__ import annotations

import numpy as np

from emiff_ros.dair.scenes.meshes import Colour, Mesh, MeshBuilder
from emiff_ros.dair.scenes.vehicle_parts import (
    GLASS,
    HEADLIGHT,
    PAINT,
    TAIL_LIGHT,
    TRIM,
    add_wheels,
)


def build_bus(length: float, width: float, height: float, panes: int) -> Mesh:
    """Return the mesh of a bus or coach with ``panes`` side windows."""
    builder = MeshBuilder()
    half, rear, front = width / 2, -length / 2, length / 2
    floor, sill, eaves = 0.32, 0.42 * height, 0.86 * height
    builder.box([rear, -half, floor], [front, half, sill], **PAINT)
    builder.box([rear, -half, eaves], [front, half, height], **PAINT)
    builder.box(
        [rear + 0.02, -half - 0.003, floor], [front - 0.02, half + 0.003, floor + 0.14], **TRIM
    )
    cuts = np.linspace(0, 1, panes + 1)
    across = np.sort(np.concatenate([cuts + 0.006, cuts - 0.006]))[1:-1].clip(0, 1)
    across = (0.0, *across, 1.0)
    for side in (-1, 1):
        y = side * (half - 0.02)
        corners = [(rear, y, sill), (front, y, sill), (front, y, eaves), (rear, y, eaves)]
        builder.panel(corners, across, (0.0, 0.04, 0.96, 1.0), GLASS, PAINT)
    x = front - 0.03
    screen = [
        (x + 0.02, -half, sill * 0.75),
        (x + 0.02, half, sill * 0.75),
        (x, half, eaves + 0.1),
        (x, -half, eaves + 0.1),
    ]
    builder.panel(screen, (0.0, 0.03, 0.97, 1.0), (0.0, 0.02, 0.98, 1.0), GLASS, PAINT)
    builder.panel(
        [
            (front + 0.001, -half * 0.95, sill * 0.8),
            (front + 0.001, half * 0.95, sill * 0.8),
            (front - 0.02, half * 0.95, eaves),
            (front - 0.02, -half * 0.95, eaves),
        ],
        (0.0, 0.01, 0.99, 1.0),
        (0.0, 0.01, 0.99, 1.0),
        GLASS,
        GLASS,
    )
    builder.box(
        [front - 0.05, -half * 0.6, eaves + 0.06],
        [front + 0.01, half * 0.6, height - 0.08],
        colour=(0.6, 0.35, 0.05),
        glow=0.3,
    )
    back = rear + 0.02
    builder.panel(
        [(back, -half, sill), (back, half, sill), (back, half, eaves), (back, -half, eaves)],
        (0.0, 0.15, 0.85, 1.0),
        (0.0, 0.2, 0.9, 1.0),
        GLASS,
        PAINT,
    )
    builder.box(
        [rear - 0.008, -half * 0.55, floor + 0.25], [rear + 0.03, half * 0.55, sill - 0.15], **TRIM
    )
    for side in (-1, 1):
        y0, y1 = sorted([side * 0.70 * half, side * 0.96 * half])
        builder.box(
            [front - 0.05, y0, floor + 0.2], [front + 0.004, y1, floor + 0.42], **HEADLIGHT
        )
        builder.box([rear - 0.004, y0, sill - 0.45], [rear + 0.05, y1, sill - 0.05], **TAIL_LIGHT)
    add_wheels(builder, [front - 0.22 * length, rear + 0.27 * length], half, 0.48)
    return builder.build()


def build_truck(
    length: float, width: float, height: float, cab: float, cargo: Colour, style: str
) -> Mesh:
    """Return the mesh of a lorry; ``style`` is ``box``, ``tipper`` or ``tank``."""
    builder = MeshBuilder()
    half, rear, front = width / 2, -length / 2, length / 2
    cab_rear = front - cab
    cab_height = min(height * 0.92, 2.9) if style == 'box' else min(height, 2.9)
    sill = 0.52 * cab_height
    builder.box([cab_rear, -half * 0.95, 0.45], [front, half * 0.95, sill], **PAINT)
    lean = 0.16
    base = [
        (cab_rear, -half * 0.95),
        (front - 0.01, -half * 0.95),
        (front - 0.01, half * 0.95),
        (cab_rear, half * 0.95),
    ]
    top = [
        (cab_rear, -half * 0.88),
        (front - lean, -half * 0.88),
        (front - lean, half * 0.88),
        (cab_rear, half * 0.88),
    ]
    low = [(x, y, sill) for x, y in base]
    high = [(x, y, cab_height - 0.1) for x, y in top]
    side_cuts = (0.0, 0.35, 0.93, 1.0)
    builder.panel(
        [low[0], low[1], high[1], high[0]], side_cuts, (0.0, 0.05, 0.85, 1.0), GLASS, PAINT
    )
    builder.panel(
        [low[3], low[2], high[2], high[3]], side_cuts, (0.0, 0.05, 0.85, 1.0), GLASS, PAINT
    )
    builder.panel(
        [low[1], low[2], high[2], high[1]],
        (0.0, 0.04, 0.96, 1.0),
        (0.0, 0.03, 0.85, 1.0),
        GLASS,
        PAINT,
    )
    builder.loft([high, [(x * 1.0, y * 0.96, cab_height) for x, y in top]], **PAINT)
    builder.box([front - 0.08, -half * 0.7, 0.75], [front + 0.002, half * 0.7, sill - 0.2], **TRIM)
    builder.box([rear + 0.3, -half * 0.8, 0.55], [cab_rear + 0.2, half * 0.8, 0.85], **TRIM)
    body_front = cab_rear - 0.12
    if style == 'box':
        builder.box([rear, -half, 0.95], [body_front, half, height], cargo, gloss=0.05)
        builder.box([rear - 0.004, -0.02, 1.0], [rear + 0.01, 0.02, height - 0.05], **TRIM)
    elif style == 'tipper':
        side_top = 0.72 * height
        builder.box([rear, -half, 0.95], [body_front, half, side_top], cargo)
        for x in np.linspace(rear + 0.2, body_front - 0.2, 6):
            builder.box(
                [x - 0.05, -half - 0.004, 0.95],
                [x + 0.05, half + 0.004, side_top],
                np.multiply(cargo, 0.7),
            )
        builder.box([body_front - 0.1, -half, 0.95], [body_front, half, height], cargo)
    else:
        centre = 0.5 * (0.95 + height)
        radius = 0.5 * (height - 0.95)
        angles = np.arange(16) * (2 * np.pi / 16)
        rings = [
            [(x, half * np.cos(a), centre + radius * np.sin(a)) for a in angles]
            for x in (rear, body_front)
        ]
        builder.loft(rings, cargo, gloss=0.12)
    builder.box([rear, -half * 0.9, 0.5], [rear + 0.06, half * 0.9, 0.7], **TRIM)
    for side in (-1, 1):
        y0, y1 = sorted([side * 0.68 * half, side * 0.92 * half])
        builder.box([front - 0.05, y0, 0.62], [front + 0.004, y1, 0.86], **HEADLIGHT)
        builder.box([rear - 0.006, y0, 0.62], [rear + 0.05, y1, 0.82], **TAIL_LIGHT)
    axles = [front - 0.55 * cab, rear + 0.22 * length]
    if length > 7.5:
        axles.append(axles[1] + 1.3)
    add_wheels(builder, axles, half, 0.46)
    return builder.build()
