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

"""How much of each vehicle a camera sees, measured with rays on its silhouette.

A grid of rays covers the projection of every vehicle. Rays that meet the vehicle alone in the
world make its silhouette (also the part outside the image); of these, rays that meet it first in
the full scene and lie in the image are visible.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene
import numpy as np
from numpy.typing import NDArray

from emiff_ros.dair.scenes.cameras import OPTICAL, rotation_zyx
from emiff_ros.dair.scenes.renderer import PinholeCamera, Stage
from emiff_ros.dair.scenes.vehicles import VehicleModel
from emiff_ros.geometry import affine_from_parts, box_corners

GRID = 22
_NEAR = 0.3
Rectangle = tuple[float, float, float, float]


@dataclass(frozen=True)
class Sight:
    """What a camera sees of one vehicle.

    Attributes:
        visible_fraction: visible share of the whole silhouette.
        inside_fraction: share of the silhouette inside the image.
        occluded_fraction: hidden share of the part inside the image (1 where nothing is inside).
        visible_area: visible pixels (estimated from the grid), at 1920x1080.
        rectangle: (xmin, ymin, xmax, ymax) of the silhouette inside the image, or None.
        sides: whether the silhouette leaves the image at its left or right, at its top or bottom.
    """

    visible_fraction: float
    inside_fraction: float
    occluded_fraction: float
    visible_area: float
    rectangle: Rectangle | None
    sides: tuple[bool, bool]

    @property
    def occluded_state(self) -> int:
        """DAIR-V2X's 0 (free), 1 (up to half hidden) or 2 (more than half hidden)."""
        if self.occluded_fraction < 0.1:
            return 0
        return 1 if self.occluded_fraction <= 0.5 else 2

    @property
    def truncated_state(self) -> int:
        """DAIR-V2X's 0 (whole), 1 (cut at left or right) or 2 (cut at top or bottom)."""
        if self.sides[0]:
            return 1
        return 2 if self.sides[1] else 0

    @property
    def is_visible(self) -> bool:
        """At least a quarter of the silhouette and 100 pixels at 1920x1080."""
        return self.visible_fraction >= 0.25 and self.visible_area >= 100.0


UNSEEN = Sight(0.0, 0.0, 1.0, 0.0, None, (False, False))


def _extent(camera: PinholeCamera, corners: NDArray[np.float64]) -> Rectangle | None:
    """Return the rectangle around a box's projection, cut at a near plane; None if behind."""
    linear = camera.camera_from_scene[:, :3]
    points = corners @ linear.T + camera.camera_from_scene[:, 3]
    front = points[:, 2] > _NEAR
    if not front.any():
        return None
    kept = [points[front]]
    for a in points[front]:
        for b in points[~front]:
            share = (a[2] - _NEAR) / (a[2] - b[2])
            kept.append((a + share * (b - a))[None])
    image = np.concatenate(kept) @ camera.intrinsics.T
    pixels = image[:, :2] / image[:, 2:]
    height, width = camera.image_size
    low = np.maximum(pixels.min(axis=0), [-0.5 * width, -0.5 * height])
    high = np.minimum(pixels.max(axis=0), [1.5 * width, 1.5 * height])
    if (high - low < 1e-3).any():
        return None
    return (*low, *high)


class Solid:
    """A vehicle in the scene, alone in the world: its instance number, box corners and rays."""

    def __init__(
        self, model: VehicleModel, pose: tuple[float, float, float], instance: int
    ) -> None:
        """Take a model and its pose (x, y, heading) in the scene."""
        self.instance = instance
        x, y, yaw = pose
        self._scene_from_model = affine_from_parts(rotation_zyx(yaw, 0, 0), [x, y, 0])
        box = [x, y, 0.0, model.length, model.width, model.height, yaw]
        self.corners = box_corners([box])[0]
        self._alone = _alone(model)

    def is_hit(self, origin: NDArray[np.float64], directions: NDArray[np.float32]) -> NDArray:
        """Tell which rays from a point meet the vehicle if nothing else is there."""
        rotation = self._scene_from_model[:, :3]
        local = ((origin - self._scene_from_model[:, 3]) @ rotation).astype(np.float32)
        origins = np.broadcast_to(local, directions.shape).copy()
        turned = np.ascontiguousarray(directions @ rotation.astype(np.float32))
        return self._alone.run(origins, turned, query='INTERSECT') >= 0


@cache
def _alone(model: VehicleModel) -> EmbreeScene:
    scene = EmbreeScene()
    TriangleMesh(scene, np.ascontiguousarray(model.mesh.triangles))
    return scene


def observe(stage: Stage, camera: PinholeCamera, solid: Solid, grid: int = GRID) -> Sight:
    """Measure how much of a vehicle the camera sees on a stage.

    ``grid`` is the number of rays along each side of the vehicle's projection.
    """
    extent = _extent(camera, solid.corners)
    height, width = camera.image_size
    if extent is None or extent[0] > width or extent[2] < 0 or extent[1] > height or extent[3] < 0:
        return UNSEEN
    steps = (np.arange(grid) + 0.5) / grid
    u = extent[0] + steps * (extent[2] - extent[0])
    v = extent[1] + steps * (extent[3] - extent[1])
    pixels = np.stack(np.meshgrid(u, v), axis=-1).reshape(-1, 2)
    directions = camera.rays(pixels)
    on_shape = np.flatnonzero(solid.is_hit(camera.centre, directions))
    if not len(on_shape):
        return UNSEEN
    pixels = pixels[on_shape]
    inside = ((pixels >= -0.5) & (pixels < np.array([width, height]) - 0.5)).all(axis=1)
    if not inside.any():
        return UNSEEN
    first = stage.instances_along(camera.centre, directions[on_shape])
    visible = inside & (first == solid.instance)
    cell = (u[1] - u[0]) * (v[1] - v[0]) * (1080 / height) * (1920 / width)
    shown = pixels[inside]
    half = 0.5 * np.array([u[1] - u[0], v[1] - v[0]])
    corner_low = np.maximum(shown.min(axis=0) - half, 0)
    corner_high = np.minimum(shown.max(axis=0) + half, [width - 1, height - 1])
    out = pixels[~inside]
    sides = (
        bool(((out[:, 0] < -0.5) | (out[:, 0] >= width - 0.5)).mean() > 0.0)
        if len(out)
        else False,
        bool(((out[:, 1] < -0.5) | (out[:, 1] >= height - 0.5)).mean() > 0.0)
        if len(out)
        else False,
    )
    return Sight(
        float(visible.mean()),
        float(inside.mean()),
        float(1 - visible.sum() / inside.sum()),
        float(visible.sum() * cell),
        (*corner_low, *corner_high),
        sides,
    )


def observe_from_point(stage: Stage, point: NDArray[np.float64], solid: Solid) -> float:
    """Return the visible share of a vehicle for a view all round (a LiDAR's)."""
    middle = solid.corners.mean(axis=0)
    offset = middle - point
    yaw = np.arctan2(offset[1], offset[0])
    pitch = -np.arctan2(offset[2], np.hypot(offset[0], offset[1]))
    linear = OPTICAL @ rotation_zyx(yaw, pitch, 0.0).T
    camera = PinholeCamera(
        np.array([[500.0, 0, 500], [0, 500.0, 500], [0, 0, 1]]),
        affine_from_parts(linear, -linear @ point),
        (1000, 1000),
    )
    return observe(stage, camera, solid, grid=10).visible_fraction


def instance_rectangles(instances: NDArray[np.int32]) -> dict[int, Rectangle]:
    """Return (xmin, ymin, xmax, ymax) of the visible pixels of every instance in a buffer."""
    rows, columns = np.nonzero(instances > 0)
    numbers = instances[rows, columns]
    order = np.argsort(numbers, kind='stable')
    numbers, rows, columns = numbers[order], rows[order], columns[order]
    if not len(numbers):
        return {}
    starts = np.flatnonzero(np.concatenate([[True], numbers[1:] != numbers[:-1]]))
    bounds = [
        np.minimum.reduceat(columns, starts),
        np.minimum.reduceat(rows, starts),
        np.maximum.reduceat(columns, starts),
        np.maximum.reduceat(rows, starts),
    ]
    return {
        int(numbers[start]): tuple(float(bound[i]) for bound in bounds)
        for i, start in enumerate(starts)
    }
