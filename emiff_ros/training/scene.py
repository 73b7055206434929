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

"""What a pair holds for training: both cameras and the ground truth, in one common frame.

With cooperative labels and with the vehicle's own the frame is the vehicle's LiDAR; with the
roadside unit's own labels it is that unit's virtual LiDAR, where a roadside network detects that
knows of no vehicle (late fusion as OpenDAIRV2X trains it).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from emiff_ros.dair.frames import CooperativePair, SensorFrame
from emiff_ros.geometry import Affine, box_corners, compose, invert_affine

CATEGORY = 'car'

Labels = Literal['cooperative', 'vehicle', 'infrastructure']

_MODALITY_OF = {'vehicle': 'vehicle_only', 'infrastructure': 'infrastructure_only'}


@dataclass(frozen=True)
class Scene:
    """Ground truth of one pair and where both cameras are.

    Attributes:
        vehicle_camera_from_frame: ``[3, 4]``, metres.
        infrastructure_camera_from_frame: ``[3, 4]``, metres.
        boxes: ``[N, 7]`` (x, y, z_bottom, length, width, height, yaw).
        corners: ``[N, 8, 3]`` true corners, order of ``box_corners``.
        vehicle_visible: ``[N]`` share of each object that the vehicle camera sees, 1 where
            unknown; 0 with the other side's own labels.
        infrastructure_visible: likewise for the roadside camera.
    """

    vehicle_camera_from_frame: Affine
    infrastructure_camera_from_frame: Affine
    boxes: NDArray[np.float64]
    corners: NDArray[np.float64]
    vehicle_visible: NDArray[np.float64]
    infrastructure_visible: NDArray[np.float64]


def check_labels(labels: Labels, modality: str) -> None:
    """Refuse the labels of one side for a network that sees more than that side.

    Raises:
        ValueError: naming the modality that these labels are for.
    """
    expected = _MODALITY_OF.get(labels)
    if expected is not None and modality != expected:
        raise ValueError(
            f'ground_truth.labels is {labels} and modality is {modality}; expected modality '
            f'{expected}, or labels cooperative'
        )


def vehicle_from_virtual_lidar(pair: CooperativePair) -> Affine:
    """Return ``[3, 4]``, metres: the roadside unit's virtual LiDAR to the vehicle's LiDAR."""
    return compose(
        invert_affine(pair.vehicle.map_from_vehicle()),
        pair.infrastructure.map_from_virtual_lidar(pair.offset),
    )


def read_scene(pair: CooperativePair, labels: Labels) -> Scene:
    """Read the ground truth of one pair.

    Raises:
        DairError: if a calibration or label cannot be read.
    """
    if labels == 'infrastructure':
        boxes, corners = _own_labels(pair.infrastructure)
        return Scene(
            compose(pair.vehicle.camera_from_vehicle(), vehicle_from_virtual_lidar(pair)),
            pair.infrastructure.camera_from_virtual_lidar(),
            boxes,
            corners,
            np.zeros(len(boxes)),
            np.ones(len(boxes)),
        )
    if labels == 'vehicle':
        boxes, corners = _own_labels(pair.vehicle)
        vehicle_visible, infrastructure_visible = np.ones(len(boxes)), np.zeros(len(boxes))
    else:
        boxes, corners = pair.vehicle_boxes(CATEGORY)
        found = pair.labels(CATEGORY)
        vehicle_visible = _shares([label.vehicle_visible_fraction for label in found])
        infrastructure_visible = _shares(
            [label.infrastructure_visible_fraction for label in found]
        )
    return Scene(
        pair.vehicle.camera_from_vehicle(),
        pair.camera_from_vehicle(),
        boxes,
        corners,
        vehicle_visible,
        infrastructure_visible,
    )


def _own_labels(frame: SensorFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return one side's labels of the image, boxes and corners in its LiDAR frame.

    The labels of the image are taken, not those of the sweep: cameras learn them (measured on the
    real data they fit the image far better).
    """
    rows = [label.box for label in frame.labels('camera') if label.category == CATEGORY]
    boxes = np.array(rows, np.float64).reshape(-1, 7)
    return boxes, box_corners(boxes)


def _shares(fractions: Sequence[float | None]) -> NDArray[np.float64]:
    return np.array([1.0 if share is None else share for share in fractions])
