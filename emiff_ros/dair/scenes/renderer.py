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

"""Pictures by ray casting with embree: one true surface per ray, shadows by second rays.

embree (through embreex) needs no graphics driver and no display, and gives the same picture for
the same input on the same machine. Pixels that differ from a neighbour get more rays, so edges are
smooth.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene
import numpy as np
from numpy.typing import NDArray

from emiff_ros.dair.scenes.ground import Ground
from emiff_ros.dair.scenes.lighting import Light
from emiff_ros.dair.scenes.meshes import Mesh
from emiff_ros.geometry import Affine

FloatArray = NDArray[np.float32]

NO_INSTANCE = 0
_SUBPIXELS = ((-0.33, 0.33), (0.33, -0.33))
_CHUNK = 1 << 19
# One ray towards this part of the sky tells how much ambient light arrives.
_AMBIENT_DIRECTION = np.array([0.12, 0.08, 0.9], dtype=np.float32)


@dataclass(frozen=True)
class PinholeCamera:
    """A camera in the scene; ``image_size`` is (height, width) in pixels.

    The extrinsics may be affine; a pixel's ray comes from the whole projection matrix.
    """

    intrinsics: NDArray[np.float64]
    camera_from_scene: Affine
    image_size: tuple[int, int]

    @property
    def centre(self) -> NDArray[np.float64]:
        """The camera's position in the scene, metres."""
        linear = self.camera_from_scene[:, :3]
        return -np.linalg.solve(linear, self.camera_from_scene[:, 3])

    def rays(self, pixels: NDArray) -> FloatArray:
        """Return unit directions ``[n, 3]`` of pixels ``[n, 2]`` (u, v)."""
        inverse = np.linalg.inv(self.intrinsics @ self.camera_from_scene[:, :3])
        directions = pixels.astype(np.float64) @ inverse[:, :2].T + inverse[:, 2]
        directions /= np.sqrt(np.einsum('ij,ij->i', directions, directions))[:, None]
        return directions.astype(np.float32)

    def project(self, points: NDArray[np.float64]) -> tuple[NDArray, NDArray]:
        """Return pixels ``[n, 2]`` and depths ``[n]`` of scene points (depth <= 0: behind)."""
        linear, offset = self.camera_from_scene[:, :3], self.camera_from_scene[:, 3]
        image = (points @ linear.T + offset) @ self.intrinsics.T
        depth = image[:, 2]
        return image[:, :2] / np.where(np.abs(depth) < 1e-9, 1e-9, depth)[:, None], depth


class Stage:
    """A scene at one moment: triangles of scenery and vehicles over the ground."""

    def __init__(self, parts: list[tuple[Mesh, int]], ground: Ground, light: Light) -> None:
        """Take meshes with their instance numbers (`NO_INSTANCE` for scenery)."""
        self._triangles = np.concatenate([mesh.triangles for mesh, _ in parts])
        self._normals = np.concatenate([mesh.normals() for mesh, _ in parts])
        self._colours = np.concatenate([mesh.colours for mesh, _ in parts])
        self._gloss = np.concatenate([mesh.gloss for mesh, _ in parts])
        self._glow = np.concatenate([mesh.glow for mesh, _ in parts])
        counts = [len(mesh) for mesh, _ in parts]
        self._instances = np.repeat([number for _, number in parts], counts).astype(np.int32)
        self._ground, self._light = ground, light
        self._scene = EmbreeScene()
        TriangleMesh(self._scene, np.ascontiguousarray(self._triangles))

    def instances_along(self, origin: NDArray, directions: FloatArray) -> NDArray[np.int32]:
        """Return the instance that rays from one point hit first, -1 for ground and sky."""
        origins = np.broadcast_to(np.asarray(origin, np.float32), directions.shape).copy()
        hits = self._scene.run(origins, directions, query='INTERSECT')
        return np.where(hits >= 0, self._instances[np.maximum(hits, 0)], -1)

    def render(
        self, camera: PinholeCamera, rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """Return the BGR picture ``[h, w, 3]`` and the instance of every pixel ``[h, w]``."""
        height, width = camera.image_size
        v, u = np.divmod(np.arange(height * width), width)
        pixels = np.stack([u, v], axis=1)
        angle = 1.0 / camera.intrinsics[0, 0]
        colour, instance = self._shade_all(camera, pixels, angle)
        picture = self._expose(colour).reshape(height, width, 3)
        edges = np.flatnonzero(_edges(picture, instance.reshape(height, width)))
        flat = picture.reshape(-1, 3)
        total = flat.take(edges, axis=0)
        for offset in _SUBPIXELS:
            fine, _ = self._shade_all(camera, pixels[edges] + np.array(offset), 0.5 * angle)
            total += self._expose(fine)
        flat[edges] = total / (len(_SUBPIXELS) + 1)
        picture = cv2.GaussianBlur(picture, (3, 3), 0.45)
        grain = rng.standard_normal(picture.shape, dtype=np.float32)
        picture = picture * 255.0 + grain * np.float32(self._light.noise)
        picture = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
        return picture[..., ::-1].copy(), instance.reshape(height, width)

    def _shade_all(
        self, camera: PinholeCamera, pixels: NDArray, angle: float
    ) -> tuple[FloatArray, NDArray[np.int32]]:
        colour = np.empty((len(pixels), 3), dtype=np.float32)
        instance = np.empty(len(pixels), dtype=np.int32)
        origin = camera.centre.astype(np.float32)
        for start in range(0, len(pixels), _CHUNK):
            part = slice(start, start + _CHUNK)
            colour[part], instance[part] = self._shade(origin, camera.rays(pixels[part]), angle)
        return colour, instance

    def _shade(
        self, origin: FloatArray, directions: FloatArray, angle: float
    ) -> tuple[FloatArray, NDArray[np.int32]]:
        origins = np.broadcast_to(origin, directions.shape).copy()
        hits = self._scene.run(origins, directions, query='INTERSECT', output=True)
        face, reach = hits['primID'], hits['tfar']
        far = np.float32(1e9)
        distance = np.where(face >= 0, reach, far)
        down = np.minimum(directions[:, 2], np.float32(-1e-6))
        to_ground = np.where(down < -1e-6, -origin[2] / down, far)
        on_ground = to_ground < distance
        ground = np.flatnonzero(on_ground)
        objects = np.flatnonzero((face >= 0) & ~on_ground)
        sky = np.flatnonzero((face < 0) & ~on_ground)

        colour = np.empty_like(directions)
        colour[sky] = self._light.sky(directions.take(sky, axis=0))
        ray = directions.take(ground, axis=0)
        colour[ground] = self._shade_ground(origin, ray, to_ground.take(ground), angle)
        ray = directions.take(objects, axis=0)
        faces = face.take(objects)
        colour[objects] = self._shade_objects(origin, ray, reach.take(objects), faces)
        instance = np.full(len(directions), NO_INSTANCE, dtype=np.int32)
        instance[objects] = self._instances.take(faces)
        return colour, instance

    def _shade_ground(
        self, origin: FloatArray, rays: FloatArray, reach: FloatArray, angle: float
    ) -> FloatArray:
        spots = rays * reach[:, None]
        spots += origin
        footprint = reach * angle / np.sqrt(-rays[:, 2])
        albedo = self._ground.sample(spots[:, 0], spots[:, 1], footprint)
        spots[:, 2] = 0.02
        light = self._light
        sunlight = light.sun * light.sun_direction[2]
        bright = self._sun_reaches(spots, None)
        openness = self._sky_reaches(spots, np.array([[0.0, 0.0, 1.0]], dtype=np.float32))
        albedo *= light.ambient * openness[:, None] + sunlight * bright[:, None]
        return self._through_haze(albedo, reach)

    def _shade_objects(
        self, origin: FloatArray, rays: FloatArray, reach: FloatArray, faces: NDArray
    ) -> FloatArray:
        light = self._light
        normals = self._normals.take(faces, axis=0)
        away = np.einsum('ij,ij->i', normals, rays) > 0
        normals *= np.where(away, np.float32(-1), np.float32(1))[:, None]
        spots = rays * reach[:, None]
        spots += origin
        spots += normals * np.float32(0.03)
        np.maximum(spots[:, 2], np.float32(0.02), out=spots[:, 2])
        facing = np.maximum(normals @ light.sun_direction, 0.0)
        bright = facing * self._sun_reaches(spots, np.flatnonzero(facing > 0))
        sky = (0.72 + 0.28 * normals[:, 2]) * self._sky_reaches(spots, normals)
        lit = self._colours.take(faces, axis=0)
        lit *= light.ambient * sky[:, None] + light.sun * bright[:, None]
        self._add_reflections(lit, rays, normals, faces)
        return self._through_haze(lit, reach)

    def _through_haze(self, colour: FloatArray, reach: FloatArray) -> FloatArray:
        clear = np.exp(reach * np.float32(-self._light.haze))[:, None]
        colour *= clear
        colour += self._light.horizon * (1 - clear)
        return colour

    def _sun_reaches(self, spots: FloatArray, asked: NDArray | None) -> FloatArray:
        """Return 1 where the sun's direct light arrives; only ``asked`` spots can be lit."""
        light = self._light
        bright = np.zeros(len(spots), dtype=np.float32)
        if light.sun.max() <= 0.02:
            return bright
        towards = np.broadcast_to(light.sun_direction, spots.shape)
        if asked is None:
            return (~self._blocked(spots, towards)).astype(np.float32)
        bright[asked] = ~self._blocked(spots.take(asked, axis=0), towards[: len(asked)])
        return bright

    def _sky_reaches(self, spots: FloatArray, normals: FloatArray) -> FloatArray:
        """Return the share of the sky's light, judged by one ray amid what a face sees."""
        upward = _AMBIENT_DIRECTION + 0.5 * normals
        upward /= np.sqrt(np.einsum('ij,ij->i', upward, upward))[:, None]
        shaded = self._blocked(spots, np.broadcast_to(upward, spots.shape))
        return np.where(shaded, np.float32(0.38), np.float32(1.0))

    def _blocked(self, origins: FloatArray, directions: FloatArray) -> NDArray[np.bool_]:
        if not len(origins):
            return np.zeros(0, dtype=bool)
        hits = self._scene.run(
            np.ascontiguousarray(origins, dtype=np.float32),
            np.ascontiguousarray(directions, dtype=np.float32),
            query='OCCLUDED',
        )
        return np.asarray(hits) != -1

    def _add_reflections(
        self, lit: FloatArray, rays: FloatArray, normals: FloatArray, faces: NDArray
    ) -> None:
        glow = self._glow.take(faces)
        lamps = np.flatnonzero(glow)
        lit[lamps] += self._colours[faces[lamps]] * glow[lamps, None]
        gloss = self._gloss.take(faces)
        shiny = np.flatnonzero(gloss)
        normal, ray = normals.take(shiny, axis=0), rays.take(shiny, axis=0)
        cosine = -np.einsum('ij,ij->i', normal, ray)[:, None]
        mirrored = ray + 2 * cosine * normal
        fresnel = gloss[shiny] * (0.25 + 0.75 * (1 - np.clip(cosine[:, 0], 0, 1)) ** 3)
        sky = self._light.sky(mirrored)
        sky[mirrored[:, 2] < 0.02] *= 0.25
        lit[shiny] = lit[shiny] * (1 - fresnel[:, None]) + sky * fresnel[:, None]

    def _expose(self, colour: FloatArray) -> FloatArray:
        value = colour * np.float32(self._light.exposure)
        value = value * (1 + value / 4.0) / (1 + value)
        return np.power(np.clip(value * 1.35, 0, 1), np.float32(1 / 2.2))


def _edges(picture: FloatArray, instance: NDArray[np.int32]) -> NDArray[np.bool_]:
    grey = picture @ np.array([0.3, 0.6, 0.1], dtype=np.float32)
    edges = np.zeros(instance.shape, dtype=bool)
    for axis in (0, 1):
        step = (np.abs(np.diff(grey, axis=axis)) > 0.045) | (np.diff(instance, axis=axis) != 0)
        if axis == 0:
            edges[1:] |= step
            edges[:-1] |= step
        else:
            edges[:, 1:] |= step
            edges[:, :-1] |= step
    return edges
