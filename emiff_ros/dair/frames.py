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

"""One vehicle frame, one roadside frame, and the pair of them, as DAIR-V2X-C lists them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emiff_ros.dair.calibration import (
    Offset,
    parse_offset,
    read_affine,
    read_intrinsics,
    read_optional_numbers,
)
from emiff_ros.dair.errors import FrameIndexError
from emiff_ros.dair.images import read_image_size, read_jpeg
from emiff_ros.dair.json_fields import RESTORE, number, require
from emiff_ros.dair.labels import (
    SensorLabel,
    WorldLabel,
    boxes_in_vehicle,
    read_sensor_labels,
    read_world_labels,
)
from emiff_ros.geometry import Affine, compose, invert_affine
from emiff_ros.stamps import MICROSECOND, SECOND

NO_OFFSET: Offset = (0.0, 0.0)
_STAMPS_END = 2**31 * SECOND
"""Stamps of ROS 2 have seconds of 32 bits."""


@dataclass(frozen=True)
class SensorFrame:
    """What a vehicle frame and a roadside frame have in common.

    Attributes:
        frame_id: six digits in the real data, the stem of the image's name.
        side_root: ``vehicle-side`` or ``infrastructure-side`` folder; paths below are absolute.
        image_path: the JPEG.
        image_stamp: capture time of the image, nanoseconds.
        pointcloud_stamp: time of the LiDAR sweep, nanoseconds; labels and poses belong to it.
        batch_id: the drive that the frame belongs to.
        first_frame, last_frame: ids of the drive's first and last frame; None where not given.
        paths: other files of the frame, absolute, by their key in ``data_info.json``.
    """

    frame_id: str
    side_root: Path
    image_path: Path
    image_stamp: int
    pointcloud_stamp: int | None
    batch_id: str
    first_frame: str | None
    last_frame: str | None
    paths: Mapping[str, Path] = field(repr=False)

    @cached_property
    def image_size(self) -> tuple[int, int]:
        """(height, width) in pixels, from the JPEG header (no decoding)."""
        return read_image_size(self.image_path)

    def image_bytes(self) -> bytes:
        """Return the original JPEG bytes; a truncated file raises ImageError."""
        return read_jpeg(self.image_path)

    def intrinsics(self) -> NDArray[np.float64]:
        """Return cam_K, 3x3, pixels of the full-size image."""
        return read_intrinsics(self.path('calib_camera_intrinsic_path'))

    def distortion(self) -> list[float] | None:
        """Return the raw cam_D, None where the file has none; labels fit without it."""
        return read_optional_numbers(self.path('calib_camera_intrinsic_path'), 'cam_D')

    def raw_projection(self) -> list[float] | None:
        """Return the raw P (12 numbers, row-major), None where the file has none."""
        return read_optional_numbers(self.path('calib_camera_intrinsic_path'), 'P')

    def labels(self, source: str = 'lidar') -> list[SensorLabel]:
        """Return this side's own labels, in its LiDAR frame.

        Args:
            source: ``lidar`` (belongs to the sweep) or ``camera`` (belongs to the image).
        """
        if source not in ('lidar', 'camera'):
            raise ValueError(f"source is {source!r}; expected 'lidar' or 'camera'")
        return read_sensor_labels(self.path(f'label_{source}_std_path'))

    def path(self, key: str) -> Path:
        """Return the file that ``data_info.json`` names under ``key``.

        Raises:
            FrameIndexError: if the frame's entry has no such key.
        """
        if key not in self.paths:
            raise FrameIndexError(
                self.side_root / 'data_info.json',
                f'is missing in the entry of frame {self.frame_id}',
                'add it or ' + RESTORE,
                key,
            )
        return self.paths[key]


@dataclass(frozen=True)
class VehicleFrame(SensorFrame):
    """One image of the vehicle's camera. The frame ``vehicle`` is the vehicle's LiDAR."""

    def camera_from_vehicle(self) -> Affine:
        """Return [3, 4], metres: vehicle LiDAR to camera (optical frame)."""
        return read_affine(self.path('calib_lidar_to_camera_path'))

    def map_from_vehicle(self) -> Affine:
        """Return [3, 4], metres: vehicle LiDAR to map, through the Novatel receiver."""
        return compose(
            read_affine(self.path('calib_novatel_to_world_path')),
            read_affine(self.path('calib_lidar_to_novatel_path')),
        )


@dataclass(frozen=True)
class InfrastructureFrame(SensorFrame):
    """One image of a roadside camera. Its LiDAR frame is the data set's virtual LiDAR.

    Attributes:
        station_id: junction and camera, such as ``yizhuang08_7``; one station has one pose.
    """

    station_id: str = ''

    def camera_from_virtual_lidar(self) -> Affine:
        """Return [3, 4], metres: virtual LiDAR to camera; affine, no rotation in the real data."""
        return read_affine(self.path('calib_virtuallidar_to_camera_path'))

    def map_from_virtual_lidar(self, offset: Offset = NO_OFFSET) -> Affine:
        """Return [3, 4], metres: virtual LiDAR to map, ``offset`` (x, y) added in the map.

        The file's own ``relative_error`` repeats the pair's offset and is never added on top.
        """
        pose = read_affine(self.path('calib_virtuallidar_to_world_path'))
        pose[:2, 3] += offset
        return pose

    def camera_from_map(self, offset: Offset = NO_OFFSET) -> Affine:
        """Return [3, 4], metres: map to camera with a pair's ``system_error_offset`` applied."""
        return compose(
            self.camera_from_virtual_lidar(), invert_affine(self.map_from_virtual_lidar(offset))
        )


@dataclass(frozen=True)
class CooperativePair:
    """A vehicle frame, its roadside partner and the labels that both together were given.

    Attributes:
        vehicle, infrastructure: the two frames.
        label_path: the cooperative labels; None if the pair lists none.
        system_error_offset: (dx, dy) in metres as listed with the pair; None where it is empty.
        offset: the offset in force: that of the pair or else the station's last known one.
    """

    vehicle: VehicleFrame
    infrastructure: InfrastructureFrame
    label_path: Path | None
    system_error_offset: Offset | None
    offset: Offset = NO_OFFSET

    def labels(self, category: str | None = None) -> list[WorldLabel]:
        """Return the pair's objects in the map frame, of one evaluated class if one is named."""
        if self.label_path is None:
            raise FrameIndexError(
                self.vehicle.side_root.parent / 'cooperative' / 'data_info.json',
                f'is missing in the entry of vehicle frame {self.vehicle.frame_id}',
                'labels are needed here; ' + RESTORE,
                'cooperative_label_path',
            )
        labels = read_world_labels(self.label_path)
        return [label for label in labels if category in (None, label.category)]

    def vehicle_boxes(
        self, category: str | None = 'car'
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return boxes [N, 7] and true corners [N, 8, 3] in the vehicle frame, metres.

        Rows follow ``labels(category)``; see ``boxes_in_vehicle``. The roadside offset plays no
        part: labels are in the map frame already.
        """
        vehicle_from_map = invert_affine(self.vehicle.map_from_vehicle())
        return boxes_in_vehicle(self.labels(category), vehicle_from_map)

    def camera_from_map(self, offset: Offset | None = None) -> Affine:
        """Return the roadside [3, 4] map to camera, with the offset in force or the given one."""
        return self.infrastructure.camera_from_map(self.offset if offset is None else offset)

    def camera_from_vehicle(self, offset: Offset | None = None) -> Affine:
        """Return the roadside [3, 4] vehicle LiDAR to roadside camera at this pair's poses."""
        return compose(self.camera_from_map(offset), self.vehicle.map_from_vehicle())


def vehicle_frame(entry: dict[str, Any], side_root: Path) -> VehicleFrame:
    """Build a vehicle frame from its ``data_info.json`` entry.

    Raises:
        FrameIndexError: if it is no JSON object, a key is missing, ``image_path`` is no path, a
            time stamp is no positive number that a stamp of ROS 2 can hold, or
            ``valid_batch_splits`` no list of objects.
    """
    return VehicleFrame(**_common_fields(entry, side_root))


def infrastructure_frame(entry: dict[str, Any], side_root: Path) -> InfrastructureFrame:
    """Build a roadside frame from its ``data_info.json`` entry.

    Raises:
        FrameIndexError: as of ``vehicle_frame``.
    """
    fields = _common_fields(entry, side_root)
    parts = [str(entry.get(key) or '') for key in ('intersection_loc', 'camera_id')]
    station_id = '_'.join(part for part in parts if part) or 'station'
    return InfrastructureFrame(**fields, station_id=station_id)


def pair_offset(entry: dict[str, Any], index_path: Path) -> Offset | None:
    """Return a pair's ``system_error_offset``; None where it is missing or empty."""
    return parse_offset(
        entry.get('system_error_offset'), index_path, 'system_error_offset', FrameIndexError
    )


def _common_fields(entry: dict[str, Any], side_root: Path) -> dict[str, Any]:
    index_path = side_root / 'data_info.json'
    image_path = require(entry, 'image_path', index_path, FrameIndexError)
    frame_id = Path(image_path).stem if isinstance(image_path, str) else ''
    if not frame_id:
        raise FrameIndexError(
            index_path, f'is {image_path!r}; expected the path of an image', RESTORE, 'image_path'
        )
    first, last = _batch_range(entry, frame_id, index_path)
    return {
        'frame_id': frame_id,
        'side_root': side_root,
        'image_path': side_root / image_path,
        'image_stamp': _stamp(entry, 'image_timestamp', index_path),
        'pointcloud_stamp': _stamp(entry, 'pointcloud_timestamp', index_path)
        if entry.get('pointcloud_timestamp')
        else None,
        'batch_id': str(entry.get('batch_id', '')),
        'first_frame': first,
        'last_frame': last,
        'paths': {
            key: side_root / str(value)
            for key, value in entry.items()
            if key.endswith('_path') and value
        },
    }


def _stamp(entry: dict[str, Any], key: str, index_path: Path) -> int:
    """Return a time in nanoseconds; the file holds microseconds, as a string."""
    value = require(entry, key, index_path, FrameIndexError)
    try:
        microseconds = int(value)
    except (TypeError, ValueError, OverflowError):
        microseconds = int(number(value, index_path, key, FrameIndexError))
    if not 0 < microseconds * MICROSECOND < _STAMPS_END:
        raise FrameIndexError(
            index_path,
            f'is {value!r} for {entry.get("image_path")}; expected microseconds since 1970',
            RESTORE,
            key,
        )
    return microseconds * MICROSECOND


def _batch_range(
    entry: dict[str, Any], frame_id: str, index_path: Path
) -> tuple[str | None, str | None]:
    """Return the first and last frame id of the drive, the narrowest one that the entry names."""
    key = 'valid_batch_splits'
    parts = entry.get(key) or []
    if not (isinstance(parts, list) and all(isinstance(part, dict) for part in parts)):
        raise FrameIndexError(
            index_path,
            f'is {parts!r} for {entry["image_path"]}; expected a list of objects',
            RESTORE,
            key,
        )
    for part in parts:
        first, last = str(part.get('batch_start_id')), str(part.get('batch_end_id'))
        if first <= frame_id <= last:
            return first, last
    first, last = entry.get('batch_start_id'), entry.get('batch_end_id')
    return (None if first is None else str(first), None if last is None else str(last))
