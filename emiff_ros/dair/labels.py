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

"""Cooperative and single-view labels of DAIR-V2X-C as boxes with a heading.

The eight corners of a cooperative label are: front left, front right, rear right, rear left of the
bottom face, then the same four of the top face. Found from the moving cars of the real data: they
drive from corner 2 towards corner 1. The file's ``rotation`` is an angle in the frame of whichever
sensor the label came from, and missing where that is the roadside one, so it is not used.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emiff_ros.dair.errors import LabelError
from emiff_ros.dair.json_fields import RESTORE, load_json, number, numbers, require
from emiff_ros.geometry import as_affine, box_corners, transform_points, wrap_to_pi

CAR_TYPES = frozenset({'car', 'van', 'truck', 'bus'})

# Label corners in the order of box_corners: x- y- bottom, x- y- top, x- y+ top, x- y+ bottom, ...
_BOX_ORDER = [2, 6, 7, 3, 1, 5, 4, 0]

Box2d = tuple[float, float, float, float]


def category_of(label_type: str) -> str:
    """Return the evaluated class of a label type: car, van, truck and bus are all ``car``."""
    lowered = label_type.lower()
    return 'car' if lowered in CAR_TYPES else lowered


def to_box_order(label_corners: ArrayLike) -> NDArray[np.float64]:
    """Reorder corners [..., 8, 3] from the label files' order to that of ``box_corners``."""
    corners = np.asarray(label_corners, dtype=np.float64)
    if corners.shape[-2:] != (8, 3):
        raise ValueError(f'corners have shape {corners.shape}; expected [..., 8, 3]')
    return corners[..., _BOX_ORDER, :]


@dataclass(frozen=True)
class WorldLabel:
    """One object of a cooperative label file, in the map frame.

    Attributes:
        type: as in the file, lower case (car, van, truck, bus).
        corners: [8, 3] metres, map frame, in the file's order (see the module's description).
        location: [3] centre of the box, metres, map frame.
        dimensions: (length, width, height), metres.
        rotation: as in the file, radians in the source sensor's frame; None where missing.
        occluded_state: 0 visible, 1 partly, 2 mostly occluded; None where missing.
        truncated_state: 0 inside the image, 1 and 2 cut by its border; None where missing.
        box_2d: (xmin, ymin, xmax, ymax) in pixels of the source image; None where missing.
        vehicle_visible_fraction: share of the silhouette that the vehicle's image shows, 0 to 1;
            only generated scenes have it.
        infrastructure_visible_fraction: the same for the roadside image.
    """

    type: str
    corners: NDArray[np.float64]
    location: NDArray[np.float64]
    dimensions: tuple[float, float, float]
    rotation: float | None = None
    occluded_state: int | None = None
    truncated_state: int | None = None
    box_2d: Box2d | None = None
    vehicle_visible_fraction: float | None = None
    infrastructure_visible_fraction: float | None = None

    @property
    def category(self) -> str:
        """The evaluated class (``car`` for car, van, truck and bus)."""
        return category_of(self.type)


@dataclass(frozen=True)
class SensorLabel:
    """One object of a single-view label file, in the LiDAR frame of that side.

    Attributes:
        type: as in the file, lower case.
        box: [7] = x, y, z of the bottom face, length, width, height (metres), yaw (radians).
        occluded_state, truncated_state, box_2d: as in ``WorldLabel``.
    """

    type: str
    box: NDArray[np.float64]
    occluded_state: int | None = None
    truncated_state: int | None = None
    box_2d: Box2d | None = None

    @property
    def category(self) -> str:
        """The evaluated class (``car`` for car, van, truck and bus)."""
        return category_of(self.type)

    @property
    def corners(self) -> NDArray[np.float64]:
        """Corners [8, 3] in the same frame, order of ``box_corners``."""
        return box_corners(self.box[None])[0]


def read_world_labels(path: Path) -> list[WorldLabel]:
    """Read a cooperative label file; boxes with a zero dimension are dropped, as published.

    Raises:
        MissingFileError, JsonError: if the file cannot be read.
        LabelError: if an object lacks a key or holds numbers that cannot be a box.
    """
    labels = []
    for entry in _entries(path):
        dimensions = entry.dimensions()
        if min(dimensions) == 0:
            continue
        labels.append(
            WorldLabel(
                type=entry.type(),
                corners=entry.corners(),
                location=entry.location(),
                dimensions=dimensions,
                rotation=entry.optional_number('rotation'),
                vehicle_visible_fraction=entry.fraction('vehicle_visible_fraction'),
                infrastructure_visible_fraction=entry.fraction('infrastructure_visible_fraction'),
                **entry.image_fields(),
            )
        )
    return labels


def read_sensor_labels(path: Path) -> list[SensorLabel]:
    """Read a single-view label file; boxes with a zero dimension are dropped.

    Raises:
        MissingFileError, JsonError: if the file cannot be read.
        LabelError: if an object lacks a key or holds numbers that cannot be a box.
    """
    labels = []
    for entry in _entries(path):
        length, width, height = entry.dimensions()
        if min(length, width, height) == 0:
            continue
        x, y, z = entry.location()
        yaw = wrap_to_pi(entry.number('rotation'))
        box = np.array([x, y, z - height / 2, length, width, height, yaw])
        labels.append(SensorLabel(entry.type(), box, **entry.image_fields()))
    return labels


def boxes_in_vehicle(
    labels: Sequence[WorldLabel], vehicle_from_map: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Move cooperative labels into the vehicle's LiDAR frame.

    The true corners lean by the vehicle's roll and pitch; the boxes are upright around the same
    centre, with the lengths of the label's edges and the yaw of its heading in the ground plane.

    Args:
        labels: N labels in the map frame.
        vehicle_from_map: [3, 4] affine, metres.

    Returns:
        Boxes [N, 7] (x, y, z of the bottom face, length, width, height, yaw in [-pi, pi)) and true
        corners [N, 8, 3] in the order of ``box_corners``.
    """
    vehicle_from_map = as_affine(vehicle_from_map, 'vehicle_from_map')
    if not labels:
        return np.zeros((0, 7)), np.zeros((0, 8, 3))
    corners = transform_points(vehicle_from_map, np.stack([label.corners for label in labels]))
    forward = corners[:, [0, 1]].mean(axis=1) - corners[:, [3, 2]].mean(axis=1)
    length = np.linalg.norm(corners[:, 1] - corners[:, 2], axis=1)
    width = np.linalg.norm(corners[:, 0] - corners[:, 1], axis=1)
    height = np.linalg.norm(corners[:, 4] - corners[:, 0], axis=1)
    centre = corners.mean(axis=1)
    yaw = wrap_to_pi(np.arctan2(forward[:, 1], forward[:, 0]))
    boxes = np.column_stack([centre[:, :2], centre[:, 2] - height / 2, length, width, height, yaw])
    return boxes, to_box_order(corners)


@dataclass(frozen=True)
class _Entry:
    """One object of a label file; what is wrong with it is a LabelError that names file and key.

    Attributes:
        values: the object, as it was read.
        path: of the file.
        index: of the object in the file.
    """

    values: Any
    path: Path
    index: int

    def type(self) -> str:
        """Return the type, lower case."""
        return str(self._require('type')).lower()

    def dimensions(self) -> tuple[float, float, float]:
        """Return (length, width, height), metres, none of them negative."""
        key = '3d_dimensions'
        length, width, height = self._numbers(key, 'lwh')
        if min(length, width, height) < 0:
            what = f'is {self.values[key]}; expected no negative number'
            raise LabelError(self.path, what, RESTORE, self._place(key))
        return length, width, height

    def location(self) -> NDArray[np.float64]:
        """Return the centre [3], metres."""
        return np.array(self._numbers('3d_location', 'xyz'))

    def corners(self) -> NDArray[np.float64]:
        """Return the corners [8, 3] in the file's order, metres."""
        key = 'world_8_points'
        return numbers(self._require(key), (8, 3), self.path, self._place(key), LabelError)

    def number(self, key: str) -> float:
        """Return a number that must be there."""
        return number(self._require(key), self.path, self._place(key), LabelError)

    def optional_number(self, key: str) -> float | None:
        """Return a number, None where it is missing."""
        return None if self.values.get(key) is None else self.number(key)

    def fraction(self, key: str) -> float | None:
        """Return a share, 0 to 1, None where it is missing."""
        value = self.optional_number(key)
        if value is not None and not 0 <= value <= 1:
            what = f'is {value}; expected 0 to 1'
            raise LabelError(self.path, what, RESTORE, self._place(key))
        return value

    def image_fields(self) -> dict[str, Any]:
        """Return states and 2D box in the source image by the names that labels give them."""
        fields: dict[str, Any] = {}
        for key in ('occluded_state', 'truncated_state'):
            state = self.optional_number(key)
            fields[key] = None if state is None else int(state)
        sides = ('xmin', 'ymin', 'xmax', 'ymax')
        has_box = self.values.get('2d_box') is not None
        fields['box_2d'] = self._numbers('2d_box', sides) if has_box else None
        return fields

    def _numbers(self, key: str, names: Iterable[str]) -> tuple[float, ...]:
        """Return numbers of the object that a key holds."""
        holder = self._require(key)
        return tuple(
            number(
                require(holder, name, self.path, LabelError),
                self.path,
                self._place(key),
                LabelError,
            )
            for name in names
        )

    def _require(self, key: str) -> Any:
        return require(self.values, key, self.path, LabelError)

    def _place(self, key: str) -> str:
        return f'[{self.index}].{key}'


def _entries(path: Path) -> list[_Entry]:
    return [_Entry(values, path, index) for index, values in enumerate(load_json(path, list))]
