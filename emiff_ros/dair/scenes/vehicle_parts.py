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

"""Surfaces of vehicles (keyword arguments of the mesh builder) and wheels."""

from __future__ import annotations

from emiff_ros.dair.scenes.meshes import MeshBuilder

GLASS = {'colour': (0.018, 0.024, 0.03), 'gloss': 0.4}
PAINT = {'colour': (0.5, 0.5, 0.5), 'gloss': 0.16, 'paint': 1.0}
TRIM = {'colour': (0.015, 0.015, 0.017), 'gloss': 0.05}
TYRE = {'colour': (0.012, 0.012, 0.012)}
RIM = {'colour': (0.32, 0.33, 0.35), 'gloss': 0.2}
HEADLIGHT = {'colour': (0.85, 0.87, 0.9), 'gloss': 0.3, 'glow': 0.25}
TAIL_LIGHT = {'colour': (0.5, 0.01, 0.01), 'gloss': 0.15, 'glow': 0.12}
PLATE = {'colour': (0.05, 0.12, 0.5), 'gloss': 0.0}


def add_wheels(
    builder: MeshBuilder, positions: list[float], half_width: float, radius: float
) -> None:
    """Add wheels on both sides at the given positions along x, metres."""
    for x in positions:
        for side in (-1, 1):
            outer = side * (half_width + 0.004)
            inner = side * (half_width - 0.26)
            arch = 1.16 * radius
            builder.disc([x, outer + side * 0.002, arch], arch, 12, **TRIM)
            tread = [x, outer + side * 0.008, radius]
            builder.tube([x, inner, radius], tread, radius, sides=10, **TYRE)
            builder.disc([x, outer + side * 0.012, radius], radius * 0.62, 8, **RIM)
