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

"""Triangle meshes with a colour per face, put together from boxes, panels, tubes and lofts.

Colours are linear albedo (not sRGB), lengths are metres. Faces are seen from both sides, so their
orientation does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

Colour = tuple[float, float, float]

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Mesh:
    """Triangles and their surface.

    Attributes:
        triangles: ``[n, 3, 3]`` corner points, metres.
        colours: ``[n, 3]`` linear albedo.
        gloss: ``[n]`` share of the mirrored sky, 0 (matt) to 1.
        glow: ``[n]`` emitted light relative to the albedo (lamps).
        paint: ``[n]`` weight with which a vehicle's paint replaces the colour.
    """

    triangles: FloatArray
    colours: FloatArray
    gloss: FloatArray
    glow: FloatArray
    paint: FloatArray

    def __len__(self) -> int:
        """Return the number of triangles."""
        return len(self.triangles)

    def moved(self, rotation: ArrayLike, translation: ArrayLike) -> Mesh:
        """Return the mesh rotated by a 3x3 matrix, then shifted."""
        rotation = np.asarray(rotation, dtype=np.float64)
        points = self.triangles.astype(np.float64) @ rotation.T + np.asarray(translation)
        return replace(self, triangles=points.astype(np.float32))

    def placed(self, x: float, y: float, yaw: float, z: float = 0.0) -> Mesh:
        """Return the mesh turned by ``yaw`` about z and put at (x, y, z)."""
        cos, sin = np.cos(yaw), np.sin(yaw)
        return self.moved([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], [x, y, z])

    def painted(self, colour: Colour) -> Mesh:
        """Return the mesh with its painted faces in another colour."""
        weight = self.paint[:, None]
        blend = self.colours * (1 - weight) + np.asarray(colour, dtype=np.float32) * weight
        return replace(self, colours=blend.astype(np.float32))

    def normals(self) -> FloatArray:
        """Return unit face normals ``[n, 3]`` (zero for faces without area)."""
        edges = self.triangles[:, 1:] - self.triangles[:, :1]
        normals = np.cross(edges[:, 0], edges[:, 1])
        lengths = np.linalg.norm(normals, axis=1, keepdims=True)
        return (normals / np.maximum(lengths, 1e-12)).astype(np.float32)


def merge(meshes: Iterable[Mesh]) -> Mesh:
    """Join meshes into one, in their order."""
    meshes = list(meshes)
    if not meshes:
        return MeshBuilder().build()
    return Mesh(
        *(
            np.concatenate([getattr(mesh, name) for mesh in meshes])
            for name in ('triangles', 'colours', 'gloss', 'glow', 'paint')
        )
    )


class MeshBuilder:
    """Collects faces; every method adds one shape in the colour it is given."""

    def __init__(self) -> None:
        """Start without faces."""
        self._triangles: list[FloatArray] = []
        self._surfaces: list[FloatArray] = []

    def triangles(
        self,
        points: ArrayLike,
        colour: ArrayLike,
        gloss: float = 0.0,
        glow: float = 0.0,
        paint: float = 0.0,
    ) -> None:
        """Add triangles ``[n, 3, 3]`` in one colour or in ``[n, 3]`` colours."""
        points = np.asarray(points, dtype=np.float32).reshape(-1, 3, 3)
        surface = np.empty((len(points), 6), dtype=np.float32)
        surface[:, :3] = colour
        surface[:, 3:] = gloss, glow, paint
        self._triangles.append(points)
        self._surfaces.append(surface)

    def quad(self, corners: ArrayLike, colour: ArrayLike, **surface: float) -> None:
        """Add a flat face of four corners in order."""
        a, b, c, d = np.asarray(corners, dtype=np.float64)
        self.triangles([[a, b, c], [a, c, d]], colour, **surface)

    def panel(
        self,
        corners: ArrayLike,
        across: Sequence[float],
        up: Sequence[float],
        inner: dict,
        outer: dict,
        solid: Sequence[int] = (),
    ) -> None:
        """Add a face cut into cells: a frame of ``outer`` around panes of ``inner``.

        Args:
            corners: lower left, lower right, upper right, upper left.
            across: cuts from 0 to 1; cells with an odd index are panes.
            up: cuts from 0 to 1; rows with an odd index hold the panes.
            inner: keyword arguments of `triangles` for panes.
            outer: keyword arguments of `triangles` for the frame.
            solid: columns that stay frame although their index is odd.
        """
        low_left, low_right, up_right, up_left = np.asarray(corners, dtype=np.float64)
        u, v = np.asarray(across)[None, :, None], np.asarray(up)[:, None, None]
        grid = (low_left * (1 - u) + low_right * u) * (1 - v) + (
            up_left * (1 - u) + up_right * u
        ) * v
        a, b, c, d = grid[:-1, :-1], grid[:-1, 1:], grid[1:, 1:], grid[1:, :-1]
        cells = np.stack([np.stack([a, b, c], -2), np.stack([a, c, d], -2)], 2)
        column, row = np.meshgrid(np.arange(len(across) - 1), np.arange(len(up) - 1))
        panes = (column % 2 == 1) & (row % 2 == 1) & ~np.isin(column, solid)
        self.triangles(cells[panes].reshape(-1, 3, 3), **inner)
        self.triangles(cells[~panes].reshape(-1, 3, 3), **outer)

    def box(self, low: ArrayLike, high: ArrayLike, colour: ArrayLike, **surface: float) -> None:
        """Add an axis-aligned box between two corners."""
        corners = np.array([low, high], dtype=np.float64)
        ends = []
        for x in (0, 1):
            ring = [(x, 0, 0), (x, 1, 0), (x, 1, 1), (x, 0, 1)]
            ends.append([corners[list(index), [0, 1, 2]] for index in ring])
        self.loft(ends, colour, **surface)

    def loft(self, sections: ArrayLike, colour: ArrayLike, **surface: float) -> None:
        """Join rings of points ``[rings, points, 3]`` by a skin and close both ends."""
        rings = np.asarray(sections, dtype=np.float64)
        following = np.roll(rings, -1, axis=1)
        a, b, c, d = rings[:-1], following[:-1], following[1:], rings[1:]
        skin = np.stack([np.stack([a, b, c], -2), np.stack([a, c, d], -2)], 2)
        self.triangles(skin.reshape(-1, 3, 3), colour, **surface)
        for ring in (rings[0], rings[-1]):
            fan = [[ring[0], ring[i], ring[i + 1]] for i in range(1, len(ring) - 1)]
            self.triangles(fan, colour, **surface)

    def tube(
        self,
        start: ArrayLike,
        end: ArrayLike,
        radius: float,
        colour: ArrayLike,
        sides: int = 8,
        end_radius: float | None = None,
        **surface: float,
    ) -> None:
        """Add a closed cylinder or truncated cone between two points."""
        start, end = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
        axis = (end - start) / np.linalg.norm(end - start)
        helper = np.eye(3)[np.argmin(np.abs(axis))]
        side = np.cross(axis, helper)
        side /= np.linalg.norm(side)
        up = np.cross(axis, side)
        angles = np.arange(sides) * (2 * np.pi / sides)
        ring = np.outer(np.cos(angles), side) + np.outer(np.sin(angles), up)
        end_radius = radius if end_radius is None else end_radius
        self.loft([start + ring * radius, end + ring * end_radius], colour, **surface)

    def disc(
        self, centre: ArrayLike, radius: float, sides: int, colour: ArrayLike, **surface: float
    ) -> None:
        """Add a round plate in the x-z plane (a wheel's face)."""
        angles = np.arange(sides) * (2 * np.pi / sides)
        ring = np.stack([np.cos(angles), 0 * angles, np.sin(angles)], axis=1) * radius + centre
        fan = [[ring[0], ring[i], ring[i + 1]] for i in range(1, sides - 1)]
        self.triangles(fan, colour, **surface)

    def blob(
        self,
        centre: ArrayLike,
        radii: ArrayLike,
        colour: ArrayLike,
        rng: np.random.Generator,
        roughness: float = 0.15,
        spread: float = 0.25,
        rings: int = 5,
        sides: int = 9,
    ) -> None:
        """Add a rough ellipsoid with a random tone per face (foliage)."""
        theta = np.linspace(0, np.pi, rings + 1)[:, None]
        phi = (np.arange(sides) * (2 * np.pi / sides))[None, :]
        unit = np.stack(
            [
                np.sin(theta) * np.cos(phi),
                np.sin(theta) * np.sin(phi),
                np.cos(theta) * np.ones_like(phi),
            ],
            axis=-1,
        )
        unit *= 1 + roughness * rng.uniform(-1, 1, unit.shape[:2] + (1,))
        points = np.asarray(centre) + unit * np.asarray(radii)
        following = np.roll(points, -1, axis=1)
        a, b, c, d = points[:-1], following[:-1], following[1:], points[1:]
        skin = np.stack([np.stack([a, b, c], -2), np.stack([a, c, d], -2)], 2).reshape(-1, 3, 3)
        tones = 1 + spread * rng.uniform(-1, 1, (len(skin), 1))
        self.triangles(skin, np.asarray(colour) * tones)

    def build(self) -> Mesh:
        """Return everything added so far as one mesh."""
        if not self._triangles:
            empty = np.zeros(0, dtype=np.float32)
            return Mesh(
                np.zeros((0, 3, 3), np.float32), np.zeros((0, 3), np.float32), empty, empty, empty
            )
        surface = np.concatenate(self._surfaces)
        return Mesh(
            np.concatenate(self._triangles),
            surface[:, :3].copy(),
            surface[:, 3].copy(),
            surface[:, 4].copy(),
            surface[:, 5].copy(),
        )
