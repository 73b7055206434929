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

"""Writes frames, calibration, labels and index files in the folder format of DAIR-V2X-C."""

from __future__ import annotations

from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from emiff_ros.dair.scenes.drive import Drive
from emiff_ros.geometry import Affine, compose, invert_affine

FOLDER_NAME = 'cooperative-vehicle-infrastructure'
_JPEG_QUALITY = 93
_BATCH_KEYS = ('batch_id', 'batch_start_id', 'batch_end_id')


@dataclass(frozen=True)
class PairTimes:
    """Seconds after the drive's start and ids of one pair.

    ``vehicle`` and ``infrastructure`` are those of the images, ``lidar`` that of the vehicle's
    point cloud, to which its pose and the labels belong.
    """

    vehicle_id: str
    infrastructure_id: str
    vehicle: float
    infrastructure: float
    lidar: float


@dataclass(frozen=True)
class DriveBatch:
    """What the index files say about a whole drive.

    ``epoch`` is the drive's start in microseconds since 1970, ``offset`` the world position error
    of the station that ``system_error_offset`` corrects (x, y, metres).
    """

    batch_id: str
    vehicle_ids: tuple[str, str]
    infrastructure_ids: tuple[str, str]
    epoch: int
    offset: tuple[float, float]


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content), encoding='utf-8')


def _parts(affine: Affine) -> dict[str, list]:
    return {'rotation': affine[:, :3].tolist(), 'translation': affine[:, 3:].tolist()}


class FolderWriter:
    """Writes one data set below ``root``; every method may run in a process of its own."""

    def __init__(self, root: Path) -> None:
        """Write below ``root``, which need not exist yet."""
        self.folder = root / FOLDER_NAME

    def make_folders(self) -> None:
        """Create the folder tree."""
        for name in (
            'image',
            'label/camera',
            'label/lidar',
            'calib/camera_intrinsic',
            'calib/lidar_to_camera',
            'calib/lidar_to_novatel',
            'calib/novatel_to_world',
        ):
            (self.folder / 'vehicle-side' / name).mkdir(parents=True)
        for name in (
            'image',
            'label/camera',
            'label/virtuallidar',
            'calib/camera_intrinsic',
            'calib/virtuallidar_to_camera',
            'calib/virtuallidar_to_world',
        ):
            (self.folder / 'infrastructure-side' / name).mkdir(parents=True)
        (self.folder / 'cooperative' / 'label_world').mkdir(parents=True)

    def write_images(self, times: PairTimes, vehicle: NDArray, infrastructure: NDArray) -> None:
        """Write the two BGR images of a pair as JPEG."""
        for side, name, image in (
            ('vehicle-side', times.vehicle_id, vehicle),
            ('infrastructure-side', times.infrastructure_id, infrastructure),
        ):
            path = self.folder / side / 'image' / f'{name}.jpg'
            if not cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]):
                raise OSError(f'{path}: the image could not be written; is the disk full?')

    def write_calibration(self, drive: Drive, batch: DriveBatch, times: PairTimes) -> None:
        """Write the calibration files of a pair."""
        height, width = drive.image_size
        side, name = self.folder / 'vehicle-side' / 'calib', f'{times.vehicle_id}.json'
        rig, station = drive.rig, drive.station
        _write_json(
            side / 'camera_intrinsic' / name,
            {'cam_D': [0.0] * 5, 'cam_K': rig.intrinsics.ravel().tolist()},
        )
        _write_json(side / 'lidar_to_camera' / name, _parts(rig.camera_from_vehicle))
        _write_json(
            side / 'lidar_to_novatel' / name,
            {
                'frame': 'ENU',
                'child_frame_id': 'generated',
                'transform': _parts(rig.novatel_from_vehicle),
            },
        )
        map_from_novatel = compose(
            drive.map_from_vehicle(times.lidar), invert_affine(rig.novatel_from_vehicle)
        )
        _write_json(side / 'novatel_to_world' / name, _parts(map_from_novatel))

        side, name = (
            self.folder / 'infrastructure-side' / 'calib',
            f'{times.infrastructure_id}.json',
        )
        k = station.intrinsics
        projection = np.hstack([k, np.zeros((3, 1))])
        _write_json(
            side / 'camera_intrinsic' / name,
            {
                'height': height,
                'width': width,
                'distortion_model': 'plumb_bob',
                'cam_D': [0.0] * 5,
                'cam_K': k.ravel().tolist(),
                'R': np.eye(3).ravel().tolist(),
                'P': projection.ravel().tolist(),
            },
        )
        _write_json(
            side / 'virtuallidar_to_camera' / name, _parts(station.camera_from_virtual_lidar)
        )
        world = compose(drive.map_from_scene, station.scene_from_virtual_lidar)
        world[:2, 3] -= batch.offset
        error = {'delta_x': batch.offset[0], 'delta_y': batch.offset[1]}
        _write_json(
            side / 'virtuallidar_to_world' / name, {**_parts(world), 'relative_error': error}
        )

    def write_labels(
        self, times: PairTimes, cooperative: list, vehicle: list, infrastructure: list
    ) -> None:
        """Write the labels of a pair (the two files of a side hold the same entries)."""
        name = f'{times.vehicle_id}.json'
        _write_json(self.folder / 'cooperative' / 'label_world' / name, cooperative)
        for kind in ('camera', 'lidar'):
            _write_json(self.folder / 'vehicle-side' / 'label' / kind / name, vehicle)
        name = f'{times.infrastructure_id}.json'
        for kind in ('camera', 'virtuallidar'):
            _write_json(
                self.folder / 'infrastructure-side' / 'label' / kind / name, infrastructure
            )

    def write_index(self, entries: list[dict[str, dict[str, Any]]]) -> None:
        """Write the three index files from the entries of all pairs."""
        for side in ('vehicle-side', 'infrastructure-side', 'cooperative'):
            content = [entry[side] for entry in entries]
            path = self.folder / side / 'data_info.json'
            path.write_text(json.dumps(content, indent=1), encoding='utf-8')


def index_entries(
    times: PairTimes, batch: DriveBatch, rng: np.random.Generator
) -> dict[str, dict[str, Any]]:
    """Return the entries of a pair for the three index files, by folder name."""
    vehicle, pole = times.vehicle_id, times.infrastructure_id
    vehicle_stamp = batch.epoch + round(times.vehicle * 1e6)
    pole_stamp = batch.epoch + round(times.infrastructure * 1e6)
    vehicle_entry = {
        'image_path': f'image/{vehicle}.jpg',
        'image_timestamp': str(vehicle_stamp),
        'pointcloud_path': f'velodyne/{vehicle}.pcd',
        'pointcloud_timestamp': str(batch.epoch + round(times.lidar * 1e6)),
        'calib_novatel_to_world_path': f'calib/novatel_to_world/{vehicle}.json',
        'calib_lidar_to_novatel_path': f'calib/lidar_to_novatel/{vehicle}.json',
        'calib_lidar_to_camera_path': f'calib/lidar_to_camera/{vehicle}.json',
        'calib_camera_intrinsic_path': f'calib/camera_intrinsic/{vehicle}.json',
        'label_camera_std_path': f'label/camera/{vehicle}.json',
        'label_lidar_std_path': f'label/lidar/{vehicle}.json',
        **dict(zip(_BATCH_KEYS, (batch.batch_id, *batch.vehicle_ids), strict=True)),
        'intersection_loc': '',
    }
    start, end = batch.infrastructure_ids
    pole_entry = {
        'pointcloud_path': f'velodyne/{pole}.pcd',
        'pointcloud_timestamp': str(pole_stamp + int(rng.integers(-25_000, 20_000))),
        'lidar_id': f'generated{batch.batch_id}',
        'intersection_loc': f'generated{batch.batch_id}',
        'calib_camera_intrinsic_path': f'calib/camera_intrinsic/{pole}.json',
        'calib_virtuallidar_to_world_path': f'calib/virtuallidar_to_world/{pole}.json',
        'calib_virtuallidar_to_camera_path': f'calib/virtuallidar_to_camera/{pole}.json',
        'label_lidar_std_path': f'label/virtuallidar/{pole}.json',
        'image_path': f'image/{pole}.jpg',
        'image_timestamp': str(pole_stamp),
        'label_camera_std_path': f'label/camera/{pole}.json',
        'camera_ip': '',
        'camera_id': batch.batch_id,
        **dict(zip(_BATCH_KEYS, (batch.batch_id, start, end), strict=True)),
        'valid_batch_splits': [{'batch_start_id': start, 'batch_end_id': end}],
    }
    pair = {
        'infrastructure_image_path': f'infrastructure-side/image/{pole}.jpg',
        'infrastructure_pointcloud_path': f'infrastructure-side/velodyne/{pole}.pcd',
        'vehicle_image_path': f'vehicle-side/image/{vehicle}.jpg',
        'vehicle_pointcloud_path': f'vehicle-side/velodyne/{vehicle}.pcd',
        'cooperative_label_path': f'cooperative/label_world/{vehicle}.json',
        'system_error_offset': {'delta_x': batch.offset[0], 'delta_y': batch.offset[1]},
    }
    return {'vehicle-side': vehicle_entry, 'infrastructure-side': pole_entry, 'cooperative': pair}
