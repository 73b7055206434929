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

"""Labels as DAIR-V2X writes them.

As in the real frames, cooperative and vehicle labels and the vehicle's pose belong to the time of
the vehicle's point cloud, about 0.1 s before its image and close to the roadside image. Labels of
the roadside belong to its image. The 2D box
is the tight box around the visible pixels of the instance buffer, or around the silhouette inside
the image where no pixel is visible.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emiff_ros.dair.scenes.drive import Truth
from emiff_ros.dair.scenes.traffic import Actor
from emiff_ros.dair.scenes.visibility import Rectangle, Sight
from emiff_ros.geometry import Affine, transform_points, wrap_to_pi

# Corners as DAIR-V2X lists them: front left, front right, rear right, rear left; then the top.
_CORNERS = np.array(
    [
        [x, y, z]
        for z in (0.0, 1.0)
        for x, y in ((0.5, 0.5), (0.5, -0.5), (-0.5, -0.5), (-0.5, 0.5))
    ]
)


def dair_corners(box: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the eight corners of a box row in the order of ``world_8_points``."""
    local = _CORNERS * box[3:6]
    cos, sin = np.cos(box[6]), np.sin(box[6])
    turned = np.stack(
        [
            local[:, 0] * cos - local[:, 1] * sin,
            local[:, 0] * sin + local[:, 1] * cos,
            local[:, 2],
        ],
        axis=1,
    )
    return turned + box[:3]


def _box_2d(rectangle: Rectangle | None) -> dict[str, float]:
    values = rectangle or (0.0, 0.0, 0.0, 0.0)
    return {
        key: round(float(value), 3)
        for key, value in zip(('xmin', 'ymin', 'xmax', 'ymax'), values, strict=True)
    }


def _box_3d(target_from_scene: Affine, box: NDArray[np.float64]) -> tuple[list[float], float]:
    centre = transform_points(target_from_scene, box[:3] + [0, 0, box[5] / 2])
    heading = target_from_scene[:, :3] @ [np.cos(box[6]), np.sin(box[6]), 0.0]
    return centre.tolist(), float(np.arctan2(heading[1], heading[0]))


def _alpha(location: Sequence[float], rotation: float) -> float:
    return float(wrap_to_pi(-rotation - np.pi / 2 - np.arctan2(-location[1], location[0])))


def label_entry(
    actor: Actor,
    box: NDArray[np.float64],
    target_from_scene: Affine,
    sight: Sight,
    rectangle: Rectangle | None,
) -> dict[str, Any]:
    """Return a single-view label; the location is the box centre in the target frame."""
    location, rotation = _box_3d(target_from_scene, box)
    return {
        'type': actor.model.kind.capitalize(),
        'occluded_state': sight.occluded_state,
        'truncated_state': sight.truncated_state,
        'alpha': _alpha(location, rotation),
        '2d_box': _box_2d(rectangle or sight.rectangle),
        '3d_dimensions': {'h': float(box[5]), 'w': float(box[4]), 'l': float(box[3])},
        '3d_location': dict(zip('xyz', location, strict=True)),
        'rotation': rotation,
    }


def cooperative_entry(
    truth: Truth,
    map_from_scene: Affine,
    vehicle_from_scene: Affine,
    rectangles: tuple[dict[int, Rectangle], dict[int, Rectangle]],
) -> dict[str, Any]:
    """Return a cooperative label in the world frame.

    States and 2D box are those of the vehicle's image, or of the roadside image where the vehicle
    does not see the object; ``rotation`` is the heading in the vehicle frame, as in real vehicle
    labels.
    """
    from_vehicle = truth.vehicle.visible_fraction > 0
    sight = truth.vehicle if from_vehicle else truth.infrastructure
    rectangle = rectangles[0 if from_vehicle else 1].get(truth.actor.identity)
    entry = label_entry(truth.actor, truth.box, vehicle_from_scene, sight, rectangle)
    corners = transform_points(map_from_scene, dair_corners(truth.box))
    entry['type'] = truth.actor.model.kind
    entry['3d_location'] = dict(zip('xyz', corners.mean(axis=0).tolist(), strict=True))
    entry['world_8_points'] = corners.tolist()
    entry['vehicle_visible_fraction'] = round(truth.vehicle.visible_fraction, 4)
    entry['infrastructure_visible_fraction'] = round(truth.infrastructure.visible_fraction, 4)
    return entry
