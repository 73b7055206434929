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

"""One cooperative training sample in numpy: two views and the ground truth around the vehicle."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from emiff_ros.geometry import homogeneous


@dataclass(frozen=True)
class View:
    """One camera's image and calibration.

    Attributes:
        image: RGB uint8 ``[H, W, 3]``.
        intrinsics: ``[3, 3]`` float64 of an image of that size.
        camera_from_vehicle: ``[3, 4]`` float64 affine, metres, optical frame of the camera.
    """

    image: NDArray[np.uint8]
    intrinsics: NDArray[np.float64]
    camera_from_vehicle: NDArray[np.float64]

    def project(self, points: NDArray[np.float64]) -> tuple[NDArray, NDArray]:
        """Project points ``[N, 3]`` (vehicle frame) to pixels ``[N, 2]`` and depths ``[N]``."""
        in_camera = points @ self.camera_from_vehicle[:, :3].T + self.camera_from_vehicle[:, 3]
        pixels = in_camera @ self.intrinsics.T
        with np.errstate(divide='ignore', invalid='ignore'):
            return pixels[:, :2] / pixels[:, 2:], in_camera[:, 2]

    def sees(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which points ``[N, 3]`` of the vehicle frame the image shows."""
        height, width = self.image.shape[:2]
        pixels, depth = self.project(points)
        with np.errstate(invalid='ignore'):
            inside = (pixels >= 0).all(axis=1) & (pixels < (width, height)).all(axis=1)
        return inside & (depth > 0)


@dataclass(frozen=True)
class Sample:
    """Two views of one moment with the ground truth in the vehicle frame.

    Attributes:
        name: vehicle frame id, for messages.
        vehicle: the vehicle's view.
        infrastructure: the roadside view, None when it is absent.
        boxes: ``[N, 7]`` float64 (x, y, z_bottom, length, width, height, yaw), metres, radians.
        vehicle_visible: ``[N]`` share of each object that the vehicle camera sees, 1 where
            unknown.
        infrastructure_visible: likewise for the roadside camera.
        flipped: the images and boxes are mirrored, the calibration is not.
    """

    name: str
    vehicle: View
    infrastructure: View | None
    boxes: NDArray[np.float64]
    vehicle_visible: NDArray[np.float64]
    infrastructure_visible: NDArray[np.float64]
    flipped: bool = False

    @property
    def views(self) -> list[View]:
        """Return the views that are there, the vehicle's first."""
        return [view for view in (self.vehicle, self.infrastructure) if view is not None]

    def map_views(self, change: Callable[[View], View]) -> 'Sample':
        """Return the sample with ``change(view)`` in place of each view."""
        infrastructure = self.infrastructure
        return replace(
            self,
            vehicle=change(self.vehicle),
            infrastructure=change(infrastructure) if infrastructure is not None else None,
        )

    def select(self, keep: NDArray[np.bool_]) -> 'Sample':
        """Return the sample with only the marked ground truth."""
        return replace(
            self,
            boxes=self.boxes[keep],
            vehicle_visible=self.vehicle_visible[keep],
            infrastructure_visible=self.infrastructure_visible[keep],
        )

    def image_centres(self, min_visible_fraction: float) -> list[NDArray[np.float64]]:
        """Return for each view the objects that it shows: ``[M, 3]`` (u, v, height in pixels).

        Call it before mirroring.
        """
        centres = self.boxes[:, :3] + self.boxes[:, 5:6] * [0.0, 0.0, 0.5]
        shares = (self.vehicle_visible, self.infrastructure_visible)
        found = []
        for view, share in zip(self.views, shares, strict=False):
            shown = view.sees(centres) & (share >= min_visible_fraction)
            pixels, depth = view.project(centres[shown])
            size = view.intrinsics[1, 1] * self.boxes[shown, 5] / depth
            found.append(np.column_stack([pixels, size]))
        return found

    def visible(self) -> NDArray[np.float64]:
        """Return the larger visible share ``[N]`` over the views that are there.

        A box whose centre lies outside a view counts as unseen by it. Call it before mirroring:
        the calibration of a mirrored sample belongs to the image as it was.
        """
        centres = self.boxes[:, :3] + self.boxes[:, 5:6] * [0.0, 0.0, 0.5]
        share = self.vehicle_visible * self.vehicle.sees(centres)
        if self.infrastructure is not None:
            seen = self.infrastructure_visible * self.infrastructure.sees(centres)
            share = np.maximum(share, seen)
        return share


def move_vehicle_frame(sample: Sample, new_from_vehicle: NDArray[np.float64]) -> Sample:
    """Express a sample in another frame: boxes and extrinsics change, the images do not.

    Args:
        sample: not mirrored.
        new_from_vehicle: ``[3, 4]`` turn about z and translation.
    """
    turn = np.arctan2(new_from_vehicle[1, 0], new_from_vehicle[0, 0])
    vehicle_from_new = np.linalg.inv(homogeneous(new_from_vehicle))
    boxes = sample.boxes.copy()
    boxes[:, :3] = boxes[:, :3] @ new_from_vehicle[:, :3].T + new_from_vehicle[:, 3]
    boxes[:, 6] += turn

    def change(view: View) -> View:
        return replace(view, camera_from_vehicle=view.camera_from_vehicle @ vehicle_from_new)

    return replace(sample.map_views(change), boxes=boxes)
