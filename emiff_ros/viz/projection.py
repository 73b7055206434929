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

"""Boxes and ground areas seen through a pinhole camera, cut off where the camera does not see.

Cutting happens in homogeneous pixel coordinates ``(u w, v w, w)`` before the division by the depth
``w``. A box that is partly behind the camera then has the right outline, which no 2D library could
give: its corners behind the camera have no pixel.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emiff_ros.geometry import as_affine, box_corners, invert_affine

BOX_EDGES = np.array(
    [
        [0, 1], [1, 2], [2, 3], [3, 0],
        [4, 5], [5, 6], [6, 7], [7, 4],
        [0, 4], [1, 5], [2, 6], [3, 7],
    ]
)  # fmt: skip
FRONT_FACE = np.array([4, 5, 6, 7])
NEAR = 0.1


@dataclass(frozen=True)
class CameraView:
    """A camera as the vehicle frame sees it.

    Attributes:
        intrinsics: ``[3, 3]`` in pixels of the image that is drawn on.
        camera_from_vehicle: ``[3, 4]`` affine, vehicle frame to optical frame (metres). It need
            not be rigid.
    """

    intrinsics: NDArray[np.float64]
    camera_from_vehicle: NDArray[np.float64]

    def __post_init__(self) -> None:
        """Check the shapes and freeze both arrays as float64.

        Raises:
            ValueError: for wrong shapes, numbers that are not finite or a focal length <= 0.
        """
        intrinsics = np.array(self.intrinsics, dtype=np.float64)
        if intrinsics.shape != (3, 3) or not np.isfinite(intrinsics).all():
            raise ValueError(
                f'intrinsics are {intrinsics.tolist()}; expected a finite 3x3 matrix in pixels'
            )
        if intrinsics[0, 0] <= 0 or intrinsics[1, 1] <= 0:
            raise ValueError(
                f'focal lengths are {intrinsics[0, 0]} and {intrinsics[1, 1]} pixels; '
                'expected both above 0'
            )
        object.__setattr__(self, 'intrinsics', intrinsics)
        affine = as_affine(self.camera_from_vehicle, 'camera_from_vehicle')
        object.__setattr__(self, 'camera_from_vehicle', affine)

    @property
    def position(self) -> NDArray[np.float64]:
        """Camera centre ``[3]`` in the vehicle frame, metres."""
        return invert_affine(self.camera_from_vehicle)[:, 3]

    def scaled(self, scale_x: float, scale_y: float) -> 'CameraView':
        """Return the camera of the image resized by ``scale_x`` and ``scale_y``."""
        return CameraView(
            np.diag([scale_x, scale_y, 1.0]) @ self.intrinsics, self.camera_from_vehicle
        )

    def homogeneous_pixels(self, points: ArrayLike) -> NDArray[np.float64]:
        """Project vehicle points ``[..., 3]`` to ``(u w, v w, w)``, w = depth in metres."""
        points = np.asarray(points, dtype=np.float64)
        if points.shape[-1:] != (3,):
            raise ValueError(f'points have shape {points.shape}; expected [..., 3]')
        projection = self.intrinsics @ self.camera_from_vehicle
        return points @ projection[:, :3].T + projection[:, 3]


def frustum_planes(image_size: tuple[int, int], near: float = NEAR) -> NDArray[np.float64]:
    """Return planes ``[5, 4]`` that hold for what an image of (height, width) pixels shows.

    A homogeneous pixel ``h`` is inside where ``planes[:, :3] @ h + planes[:, 3] >= 0``: at least
    ``near`` metres ahead, and within the left, right, upper and lower border.
    """
    height, width = image_size
    return np.array(
        [
            [0.0, 0.0, 1.0, -near],
            [1.0, 0.0, 0.0, 0.0],
            [-1.0, 0.0, width, 0.0],
            [0.0, 1.0, 0.0, 0.0],
            [0.0, -1.0, height, 0.0],
        ]
    )


def clip_polygon(vertices: ArrayLike, distances: ArrayLike) -> NDArray[np.float64]:
    """Cut a convex polygon by half spaces (Sutherland and Hodgman, 1974).

    Args:
        vertices: ``[V, D]`` in order around the polygon.
        distances: ``[P, V]`` value of an affine function per half space and vertex; inside where
            it is >= 0.

    Returns:
        ``[M, D]``; M is 0 where nothing is left.
    """
    polygon = np.asarray(vertices, dtype=np.float64)
    distances = np.asarray(distances, dtype=np.float64)
    if polygon.ndim != 2 or distances.ndim != 2 or distances.shape[1] != len(polygon):
        raise ValueError(
            f'vertices {polygon.shape} and distances {distances.shape} do not fit; '
            'expected [V, D] and [P, V]'
        )
    rows = np.hstack([polygon, distances.T])
    dimensions = polygon.shape[1]
    for plane in range(dimensions, rows.shape[1]):
        kept = []
        for current, following in zip(rows, np.roll(rows, -1, axis=0), strict=True):
            d0, d1 = current[plane], following[plane]
            if d0 >= 0:
                kept.append(current)
            if (d0 >= 0) != (d1 >= 0):
                kept.append(current + (following - current) * (d0 / (d0 - d1)))
        if not kept:
            return np.empty((0, dimensions))
        rows = np.array(kept)
    return rows[:, :dimensions]


def _plane_distances(planes: NDArray, pixels: NDArray) -> NDArray[np.float64]:
    return np.moveaxis(pixels @ planes[:, :3].T + planes[:, 3], -1, 0)


def project_segments(
    camera: CameraView,
    segments: ArrayLike,
    image_size: tuple[int, int],
    near: float = NEAR,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Project line segments ``[S, 2, 3]`` of the vehicle frame and cut them to the image.

    Args:
        camera: with intrinsics of this image.
        segments: both ends of each segment, metres.
        image_size: (height, width) in pixels.
        near: smallest depth that is drawn, metres.

    Returns:
        Pixels ``[S, 2, 2]`` of the visible part (u, v), and which segments ``[S]`` have one; the
        pixels of the others are 0.
    """
    segments = np.asarray(segments, dtype=np.float64)
    if segments.ndim != 3 or segments.shape[1:] != (2, 3):
        raise ValueError(f'segments have shape {segments.shape}; expected [S, 2, 3]')
    ends = camera.homogeneous_pixels(segments)
    distances = _plane_distances(frustum_planes(image_size, near), ends)
    d0, d1 = distances[..., 0], distances[..., 1]
    with np.errstate(divide='ignore', invalid='ignore'):
        crossing = d0 / (d0 - d1)
    entry = np.where((d0 < 0) & (d1 >= 0), crossing, 0.0).max(axis=0)
    leave = np.where((d0 >= 0) & (d1 < 0), crossing, 1.0).min(axis=0)
    visible = ~((d0 < 0) & (d1 < 0)).any(axis=0) & (entry <= leave)
    along = np.stack([entry, leave], axis=-1)[..., None]
    cut = ends[:, :1] + (ends[:, 1:] - ends[:, :1]) * along
    depth = np.where(visible[:, None], cut[..., 2], 1.0)
    pixels = np.where(visible[:, None, None], cut[..., :2] / depth[..., None], 0.0)
    return pixels, visible


def project_polygon(
    camera: CameraView,
    polygon: ArrayLike,
    image_size: tuple[int, int],
    near: float = NEAR,
) -> NDArray[np.float64]:
    """Project a convex polygon ``[V, 3]`` of the vehicle frame and cut it to the image.

    Returns:
        Pixels ``[M, 2]`` around the visible part; M is 0 where nothing is visible.
    """
    pixels = camera.homogeneous_pixels(polygon)
    clipped = clip_polygon(pixels, _plane_distances(frustum_planes(image_size, near), pixels))
    return clipped[:, :2] / clipped[:, 2:] if len(clipped) else clipped[:, :2]


def project_boxes(
    camera: CameraView,
    boxes: ArrayLike,
    image_size: tuple[int, int],
    near: float = NEAR,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Project the edges of boxes ``[N, 7]``, bottom centre first, in the order of ``BOX_EDGES``.

    Returns:
        Pixels ``[N, 12, 2, 2]`` and which edges ``[N, 12]`` are visible.
    """
    corners = box_corners(boxes)
    segments = corners[:, BOX_EDGES].reshape(-1, 2, 3)
    pixels, visible = project_segments(camera, segments, image_size, near)
    return pixels.reshape(-1, 12, 2, 2), visible.reshape(-1, 12)


def ground_footprint(
    camera: CameraView,
    image_size: tuple[int, int],
    area: ArrayLike,
    near: float = NEAR,
) -> NDArray[np.float64]:
    """Cut a convex ground area to what the camera's image shows of it.

    Args:
        camera: with intrinsics of this image.
        image_size: (height, width) in pixels.
        area: ``[V, 3]`` corners in the vehicle frame, for example a rectangle on the road.
        near: smallest depth that counts, metres.

    Returns:
        ``[M, 3]`` corners in the vehicle frame; M is 0 where the camera sees nothing of it.
    """
    area = np.asarray(area, dtype=np.float64)
    pixels = camera.homogeneous_pixels(area)
    return clip_polygon(area, _plane_distances(frustum_planes(image_size, near), pixels))
