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

"""What stands beside the road: kerbs, hedges, trees, lamps, signals, buildings, skyline."""

from __future__ import annotations

import numpy as np

from emiff_ros.dair.scenes.layout import Arm, Junction
from emiff_ros.dair.scenes.meshes import Mesh, MeshBuilder, merge

METAL = {'colour': (0.36, 0.38, 0.40), 'gloss': 0.05}
DARK = {'colour': (0.03, 0.03, 0.035)}


def make_tree(rng: np.random.Generator) -> Mesh:
    """Return one tree with its foot at the origin, 4 to 9 m high."""
    builder = MeshBuilder()
    height = rng.uniform(4.0, 9.0)
    trunk = rng.uniform(1.6, 2.6)
    builder.tube([0, 0, 0], [0, 0, trunk + 0.8], rng.uniform(0.10, 0.2), (0.09, 0.065, 0.045), 6)
    green = np.array([0.055, 0.105, 0.025]) * rng.uniform(0.6, 1.5, 3)
    if rng.random() < 0.2:
        for level in np.linspace(0.8, height * 0.75, 4):
            radius = 0.28 * (height - level)
            builder.tube(
                [0, 0, level],
                [0, 0, level + 0.42 * (height - level)],
                radius,
                green * rng.uniform(0.7, 1.1),
                9,
                end_radius=0.05,
            )
        return builder.build()
    crown = (height - trunk) / 2
    for _ in range(rng.integers(3, 6)):
        size = crown * rng.uniform(0.45, 0.75, 3)
        centre = [*(rng.normal(0, 0.32, 2) * crown), trunk + crown * rng.uniform(0.7, 1.4)]
        builder.blob(centre, size, green * rng.uniform(0.85, 1.15), rng, 0.22, 0.45, 5, 9)
    return builder.build()


def make_bush(
    length: float, width: float, height: float, green: np.ndarray, rng: np.random.Generator
) -> Mesh:
    """Return one bush of a hedge along +x, its foot at the origin."""
    builder = MeshBuilder()
    radii = [length / 2, width / 2, height * rng.uniform(0.85, 1.1)]
    builder.blob([0, 0, 0], radii, green * rng.uniform(0.85, 1.15), rng, 0.12, 0.35, 4, 8)
    return builder.build()


def make_lamp(rng: np.random.Generator, reach: float) -> Mesh:
    """Return a street lamp whose arm points along +x."""
    builder = MeshBuilder()
    height = rng.uniform(7.0, 9.5)
    builder.tube([0, 0, 0], [0, 0, height], 0.1, sides=7, end_radius=0.06, **METAL)
    builder.tube([0, 0, height - 0.2], [reach, 0, height + 0.3], 0.045, sides=6, **METAL)
    builder.box([reach - 0.4, -0.14, height + 0.2], [reach + 0.3, 0.14, height + 0.34], **METAL)
    return builder.build()


def make_signal(reach: float, green: bool, rng: np.random.Generator) -> Mesh:
    """Return a traffic light on a mast arm along +x; lamps face towards -y."""
    builder = MeshBuilder()
    height = rng.uniform(5.6, 6.4)
    builder.tube([0, 0, 0], [0, 0, height + 0.3], 0.13, sides=8, **METAL)
    builder.tube([0, 0, height], [reach, 0, height], 0.08, sides=8, end_radius=0.05, **METAL)
    lamps = (
        (0.35, (0.8, 0.02, 0.02), not green),
        (0.0, (0.8, 0.5, 0.02), False),
        (-0.35, (0.02, 0.75, 0.35), green),
    )
    for x in np.linspace(0.55 * reach, reach, max(1, int(reach // 3.5))):
        builder.box([x - 0.2, -0.12, height - 0.6], [x + 0.2, 0.12, height + 0.6], **DARK)
        for dz, colour, lit in lamps:
            tone = colour if lit else np.multiply(colour, 0.06)
            builder.box(
                [x - 0.13, -0.14, height + dz - 0.13],
                [x + 0.13, -0.115, height + dz + 0.13],
                tone,
                glow=1.2 if lit else 0.0,
            )
    return builder.build()


def make_building(size: tuple[float, float, float], rng: np.random.Generator) -> Mesh:
    """Return a building of (length, depth, height), its middle at the origin."""
    builder = MeshBuilder()
    length, depth, height = size
    palette = (
        (0.45, 0.36, 0.27),
        (0.5, 0.48, 0.45),
        (0.32, 0.14, 0.10),
        (0.3, 0.33, 0.36),
        (0.55, 0.5, 0.38),
        (0.2, 0.22, 0.25),
    )
    wall = np.array(palette[rng.integers(len(palette))]) * rng.uniform(0.7, 1.15, 3)
    glass = {'colour': np.array([0.05, 0.07, 0.09]) * rng.uniform(0.6, 2.0), 'gloss': 0.35}
    x, y = length / 2, depth / 2
    ring = [(-x, -y), (x, -y), (x, y), (-x, y)]
    floors = max(1, int(height // rng.uniform(3.0, 3.8)))
    share = rng.uniform(0.45, 0.75)
    for (x0, y0), (x1, y1) in zip(ring, ring[1:] + ring[:1], strict=True):
        bays = max(2, int(np.hypot(x1 - x0, y1 - y0) // rng.uniform(3.0, 5.0)))
        corners = [(x0, y0, 0), (x1, y1, 0), (x1, y1, height), (x0, y0, height)]
        builder.panel(corners, _cuts(bays, share), _cuts(floors, share), glass, {'colour': wall})
    builder.quad([(px, py, height) for px, py in ring], np.multiply(wall, 0.7))
    return builder.build()


def _cuts(count: int, share: float) -> tuple[float, ...]:
    middles = (np.arange(count) + 0.5) / count
    edges = np.sort(np.concatenate([middles - share / 2 / count, middles + share / 2 / count]))
    return (0.0, *edges, 1.0)


def make_skyline(rng: np.random.Generator) -> Mesh:
    """Return a jagged ring of distant trees and houses around the scene."""
    builder = MeshBuilder()
    angles = np.linspace(0, 2 * np.pi, 301)
    for start, end in zip(angles[:-1], angles[1:], strict=True):
        radius = rng.uniform(230, 300)
        heights = rng.uniform(5, 12, 2)
        colour = np.array([0.05, 0.085, 0.03]) * rng.uniform(0.75, 1.25)
        if rng.random() < 0.12:
            heights = np.full(2, rng.uniform(12, 45))
            colour = np.array([0.3, 0.3, 0.31]) * rng.uniform(0.6, 1.3)
        low = [(radius * np.cos(a), radius * np.sin(a), 0) for a in (start - 0.005, end + 0.005)]
        high = [(x, y, z) for (x, y, _), z in zip(low, heights, strict=True)]
        builder.quad([*low, *reversed(high)], colour)
    return builder.build()


def _kerbs(junction: Junction) -> Mesh:
    builder = MeshBuilder()
    stone = (0.42, 0.42, 0.40)

    def kerb(points: np.ndarray) -> None:
        for start, end in zip(points[:-1], points[1:], strict=True):
            along = (end - start) / np.linalg.norm(end - start)
            side = 0.1 * np.array([-along[1], along[0]])
            ring = [start - side, end - side, end + side, start + side]
            low = [(*p, 0.0) for p in ring]
            builder.loft([low, [(*p, 0.13) for p in ring]], stone)

    for index, arm in enumerate(junction.arms):
        kerb(junction.corner(index, 0.12))
        for lateral in (arm.edge_in + 0.12, arm.edge_out - 0.12):
            kerb(np.array([arm.point(arm.mouth, lateral), arm.point(110.0, lateral)]))
    return builder.build()


def _median_plants(arm: Arm, rng: np.random.Generator) -> list[Mesh]:
    if arm.median < 1.0 or rng.random() < 0.3:
        return []
    height = rng.uniform(0.7, 1.5)
    meshes = []
    green = np.array([0.05, 0.10, 0.025]) * rng.uniform(0.7, 1.5, 3)
    for distance in np.arange(arm.stop + 3.0, 105.0, 1.9):
        bush = make_bush(2.7, max(0.7, arm.median - 0.8), height, green, rng)
        meshes.append(bush.placed(*arm.point(distance, 0.0), arm.angle))
    return meshes


def _roadside(junction: Junction, rng: np.random.Generator) -> list[Mesh]:
    meshes = []
    trees = [make_tree(rng) for _ in range(5)]
    for arm in junction.arms:
        for sign, edge in ((1, arm.edge_in), (-1, arm.edge_out)):
            spacing = rng.uniform(7, 14)
            planted = rng.random() < 0.8
            offset = rng.uniform(1.4, 2.2) if rng.random() < 0.5 else junction.pavement + 1.5
            for distance in np.arange(arm.mouth + 10, 115, spacing):
                if planted and rng.random() < 0.85:
                    place = arm.point(distance + rng.normal(0, 0.5), edge + sign * offset)
                    tree = trees[rng.integers(len(trees))]
                    meshes.append(tree.placed(*place, rng.uniform(0, 6.28)))
            lamp = make_lamp(rng, 2.2)
            for distance in np.arange(arm.mouth + 14, 115, 30.0):
                place = arm.point(distance, edge + sign * 0.8)
                meshes.append(lamp.placed(*place, arm.angle - sign * np.pi / 2))
    return meshes


def _signals(junction: Junction, green_arms: set[int], rng: np.random.Generator) -> list[Mesh]:
    meshes = []
    for index, arm in enumerate(junction.arms):
        reach = min(0.75 * (arm.edge_in - arm.median / 2) + 1.0, 9.0)
        signal = make_signal(reach, index in green_arms, rng)
        far_side = -(arm.mouth + 2.0)
        opposite = min(
            junction.arms,
            key=lambda other: np.cos(other.angle - arm.angle),
        )
        if np.cos(opposite.angle - arm.angle) < -0.85:
            place = opposite.point(opposite.mouth + 1.5, opposite.edge_out - 0.9)
        else:
            place = arm.point(far_side, arm.edge_in)
        meshes.append(signal.placed(*place, arm.angle - np.pi / 2))
    return meshes


def _blocks(junction: Junction, rng: np.random.Generator) -> list[Mesh]:
    meshes = []
    openness = rng.uniform(0.15, 0.75)
    for index, arm in enumerate(junction.arms):
        following = junction.arms[(index + 1) % len(junction.arms)]
        for side_arm, sign, edge in ((arm, 1, arm.edge_in), (following, -1, following.edge_out)):
            setback = junction.pavement + rng.choice([1.0, 3.5, 9.0])
            distance = side_arm.mouth + rng.uniform(5, 16)
            while distance < 105:
                length, depth = rng.uniform(10, 26), rng.uniform(8, 13)
                tall = rng.random() < 0.5
                height = rng.uniform(9, 30) if tall else rng.uniform(3.5, 7.5)
                if rng.random() > openness:
                    lateral = edge + sign * (setback + depth / 2)
                    place = side_arm.point(distance + length / 2, lateral)
                    if _clear(junction, place, 0.5 * np.hypot(length, depth) * 0.85):
                        mesh = make_building((length, depth, height), rng)
                        meshes.append(mesh.placed(*place, side_arm.angle))
                elif rng.random() < 0.5:
                    meshes += _fence(
                        side_arm, distance, distance + length, edge, sign, junction, rng
                    )
                distance += length + rng.uniform(2, 14)
    return meshes


def _fence(
    arm: Arm,
    near: float,
    far: float,
    edge: float,
    sign: int,
    junction: Junction,
    rng: np.random.Generator,
) -> list[Mesh]:
    height = rng.uniform(0.9, 2.0)
    lateral = edge + sign * (junction.pavement + 0.4)
    green = np.array([0.05, 0.10, 0.025]) * rng.uniform(0.7, 1.5, 3)
    meshes = []
    for distance in np.arange(near, far, 1.9):
        place = arm.point(distance, lateral)
        if not _clear(junction, place, 0.3):
            continue
        meshes.append(make_bush(2.6, 1.2, height, green, rng).placed(*place, arm.angle))
    return meshes


def _clear(junction: Junction, place: np.ndarray, radius: float) -> bool:
    for arm in junction.arms:
        along, across = float(place @ arm.outward), float(place @ arm.left)
        inside = arm.edge_out - radius - 0.5 < across < arm.edge_in + radius + 0.5
        if along > -5.0 and inside:
            return False
    return True


def make_scenery(junction: Junction, green_arms: set[int], rng: np.random.Generator) -> Mesh:
    """Return everything that stands around a junction, in the scene frame."""
    parts = [_kerbs(junction), make_skyline(rng)]
    for arm in junction.arms:
        parts += _median_plants(arm, rng)
    parts += _roadside(junction, rng)
    parts += _signals(junction, green_arms, rng)
    parts += _blocks(junction, rng)
    return merge(parts)
