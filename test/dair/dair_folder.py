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

"""Writes a tiny DAIR-V2X-C folder with the quirks of the real one, for tests."""

from collections.abc import Sequence
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from emiff_ros.geometry import box_corners, compose, transform_points

VEHICLE_IDS = ('001000', '001001', '001002', '001003')
INFRASTRUCTURE_IDS = ('000010', '000011', '000012', '000013')
START_MICROSECONDS = 1626240240000000
VEHICLE_PERIOD = 100_000
IMAGE_AFTER_LIDAR = 80_000
INFRASTRUCTURE_LEAD = 60_000
IMAGE_SIZE = (108, 192)
VEHICLE_K = [[80.0, 0.0, 99.0], [0.0, 81.0, 58.0], [0.0, 0.0, 1.0]]
INFRASTRUCTURE_K = [[218.0, 0.0, 96.0], [0.0, 233.0, 54.0], [0.0, 0.0, 1.0]]
OFFSETS = ({'delta_x': 0.66, 'delta_y': '-0.25'}, '', {'delta_x': 0, 'delta_y': 0}, '')

CAMERA_FROM_VEHICLE = np.array(
    [[0.0, -1.0, 0.0, 0.02], [0.0, 0.0, -1.0, -0.27], [1.0, 0.0, 0.0, 0.18]]
)
# Not a rotation (determinant 0.85), like the roadside extrinsics of the real data.
CAMERA_FROM_VIRTUAL_LIDAR = np.array(
    [
        [0.0, -1.0, 0.0, -0.3],
        [-0.2, 0.0, -0.85, 6.0],
        [0.97, 0.03, -0.19, 1.0],
    ]
)

# (type, box row in the vehicle frame of its pair): x, y, z bottom, length, width, height, yaw
OBJECTS: tuple[tuple[str, tuple[float, ...]], ...] = (
    ('car', (12.0, 3.0, -1.8, 4.4, 1.8, 1.5, 0.4)),
    ('van', (28.0, -6.0, -1.7, 5.0, 2.0, 2.1, -2.8)),
    ('truck', (41.0, 8.0, -1.6, 9.0, 2.6, 3.4, 1.7)),
    ('bus', (66.0, -12.0, -1.5, 11.5, 2.6, 3.1, 3.0)),
    ('pedestrian', (15.0, -5.0, -1.7, 0.6, 0.6, 1.7, 0.1)),
    ('car', (20.0, 0.0, -1.8, 0.0, 1.8, 1.5, 0.0)),
)


def map_from_novatel(index: int) -> np.ndarray:
    """Pose of the vehicle's receiver: driving at 10 m/s, rolled and pitched a little."""
    yaw, pitch, roll = 2.67 + 0.01 * index, -0.02, 0.01
    cz, sz, cy, sy, cx, sx = (f(a) for a in (yaw, pitch, roll) for f in (np.cos, np.sin))
    rotation = (
        np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
        @ np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
        @ np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    )
    translation = np.array([[3402.0 + index * cz], [2136.0 + index * sz], [20.8]])
    return np.hstack([rotation, translation])


NOVATEL_FROM_LIDAR = np.array(
    [[0.0, -1.0, 0.0, -0.008], [1.0, 0.0, 0.0, 0.198], [0.0, 0.0, 1.0, 0.263]]
)


def map_from_vehicle(index: int) -> np.ndarray:
    """Pose of the vehicle's LiDAR at the given frame."""
    return compose(map_from_novatel(index), NOVATEL_FROM_LIDAR)


def map_from_virtual_lidar() -> np.ndarray:
    """Pose of the roadside virtual LiDAR: 40 m ahead of the vehicle, facing it."""
    pose = map_from_vehicle(0).copy()
    turned = np.array([[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 1.0]])
    pose[:, 3] += pose[:, :3] @ [40.0, 5.0, 0.0]
    pose[:, :3] = pose[:, :3] @ turned
    return pose


def to_label_order(corners: np.ndarray) -> np.ndarray:
    """Reorder corners [..., 8, 3] from the order of ``box_corners`` to that of label files."""
    return corners[..., [7, 4, 0, 3, 6, 5, 1, 2], :]


def write_dair_folder(
    root: Path,
    vehicle_ids: Sequence[str] = VEHICLE_IDS,
    infrastructure_ids: Sequence[str] = INFRASTRUCTURE_IDS,
    pairs: Sequence[tuple[int, int]] = ((0, 0), (1, 1), (2, 2), (3, 3)),
    offsets: Sequence[Any] = OFFSETS,
) -> Path:
    """Write a folder below ``root`` and return the path of ``cooperative-vehicle-infrastructure``.

    Args:
        root: an existing folder.
        vehicle_ids: frames of the vehicle.
        infrastructure_ids: frames of the roadside unit.
        pairs: (vehicle index, infrastructure index) of each pair.
        offsets: ``system_error_offset`` of each pair, as it is written into the index.
    """
    folder = root / 'cooperative-vehicle-infrastructure'
    _write_vehicle(folder / 'vehicle-side', vehicle_ids)
    _write_infrastructure(folder / 'infrastructure-side', infrastructure_ids)
    index = []
    for (vehicle, infrastructure), offset in zip(pairs, offsets, strict=True):
        vehicle_id, infrastructure_id = vehicle_ids[vehicle], infrastructure_ids[infrastructure]
        _write_world_labels(folder, vehicle_id, vehicle)
        index.append(
            {
                'vehicle_image_path': f'vehicle-side/image/{vehicle_id}.jpg',
                'infrastructure_image_path': f'infrastructure-side/image/{infrastructure_id}.jpg',
                'vehicle_pointcloud_path': f'vehicle-side/velodyne/{vehicle_id}.pcd',
                'cooperative_label_path': f'cooperative/label_world/{vehicle_id}.json',
                'system_error_offset': offset,
            }
        )
    write_json(folder / 'cooperative' / 'data_info.json', index[::-1])
    split = {'train': [vehicle_ids[pair[0]] for pair in pairs[:-1]]}
    split['val'] = [vehicle_ids[pair[0]] for pair in pairs[-1:]]
    write_json(root / 'split.json', {'cooperative_split': split})
    return folder


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as JSON, making the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def edit_json(path: Path, **changes: Any) -> None:
    """Change top-level keys of a JSON object on disk; None removes the key."""
    value = json.loads(path.read_text())
    for key, change in changes.items():
        if change is None:
            value.pop(key)
        else:
            value[key] = change
    path.write_text(json.dumps(value))


def truncate(path: Path, keep: float = 0.5) -> None:
    """Cut a file to a share of its length."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])


def _parts(affine: np.ndarray) -> dict[str, Any]:
    return {'rotation': affine[:, :3].tolist(), 'translation': affine[:, 3:].tolist()}


def _write_image(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = IMAGE_SIZE
    noise = np.random.default_rng(seed).integers(0, 255, (height // 12, width // 12, 3))
    pixels = np.kron(noise, np.ones((12, 12, 1))).astype(np.uint8)
    Image.fromarray(pixels).save(path, 'JPEG', quality=90)


def _write_vehicle(side: Path, ids: Sequence[str]) -> None:
    index = []
    for number, frame_id in enumerate(ids):
        image_time = START_MICROSECONDS + number * VEHICLE_PERIOD
        names = {
            'calib_novatel_to_world_path': 'calib/novatel_to_world',
            'calib_lidar_to_novatel_path': 'calib/lidar_to_novatel',
            'calib_lidar_to_camera_path': 'calib/lidar_to_camera',
            'calib_camera_intrinsic_path': 'calib/camera_intrinsic',
            'label_lidar_std_path': 'label/lidar',
            'label_camera_std_path': 'label/camera',
        }
        entry = {key: f'{folder}/{frame_id}.json' for key, folder in names.items()}
        contents = {
            'calib_novatel_to_world_path': _parts(map_from_novatel(number)),
            'calib_lidar_to_novatel_path': {
                'header': {'seq': 0},
                'transform': _parts(NOVATEL_FROM_LIDAR),
            },
            'calib_lidar_to_camera_path': _parts(CAMERA_FROM_VEHICLE),
            'calib_camera_intrinsic_path': {
                'cam_D': [-0.17, 0.02, -0.0007, -0.0002, 0.0],
                'cam_K': [str(value) for row in VEHICLE_K for value in row],
            },
            'label_lidar_std_path': _sensor_labels(),
            'label_camera_std_path': _sensor_labels(),
        }
        for key, value in contents.items():
            write_json(side / entry[key], value)
        _write_image(side / 'image' / f'{frame_id}.jpg', number)
        index.append(
            {
                'image_path': f'image/{frame_id}.jpg',
                'image_timestamp': str(image_time),
                'pointcloud_path': f'velodyne/{frame_id}.pcd',
                'pointcloud_timestamp': str(image_time - IMAGE_AFTER_LIDAR),
                'batch_id': '7',
                'batch_start_id': ids[0],
                'batch_end_id': ids[-1],
                'intersection_loc': '',
                **entry,
            }
        )
    write_json(side / 'data_info.json', index)


def _write_infrastructure(side: Path, ids: Sequence[str]) -> None:
    index = []
    for number, frame_id in enumerate(ids):
        image_time = START_MICROSECONDS + number * VEHICLE_PERIOD - INFRASTRUCTURE_LEAD
        names = {
            'calib_virtuallidar_to_world_path': 'calib/virtuallidar_to_world',
            'calib_virtuallidar_to_camera_path': 'calib/virtuallidar_to_camera',
            'calib_camera_intrinsic_path': 'calib/camera_intrinsic',
            'label_lidar_std_path': 'label/virtuallidar',
            'label_camera_std_path': 'label/camera',
        }
        entry = {key: f'{folder}/{frame_id}.json' for key, folder in names.items()}
        contents = {
            'calib_virtuallidar_to_world_path': {
                **_parts(map_from_virtual_lidar()),
                'relative_error': {'delta_x': 0.66, 'delta_y': '-0.25'}
                if number == 0
                else {'delta_x': '', 'delta_y': ''},
            },
            'calib_virtuallidar_to_camera_path': _parts(CAMERA_FROM_VIRTUAL_LIDAR),
            'calib_camera_intrinsic_path': {
                'cam_D': [-0.45, 0.28, 0.0004, -0.00003, 0.0],
                'cam_K': [value for row in INFRASTRUCTURE_K for value in row],
                'P': [198.0, 0.0, 97.0, 0.0, 0.0, 227.0, 54.0, 0.0, 0.0, 0.0, 1.0, 0.0],
            },
            'label_lidar_std_path': _sensor_labels(),
            'label_camera_std_path': _sensor_labels(),
        }
        for key, value in contents.items():
            write_json(side / entry[key], value)
        _write_image(side / 'image' / f'{frame_id}.jpg', 100 + number)
        index.append(
            {
                'image_path': f'image/{frame_id}.jpg',
                'image_timestamp': str(image_time),
                'pointcloud_path': f'velodyne/{frame_id}.pcd',
                'pointcloud_timestamp': str(image_time - 15_000),
                'batch_id': '7',
                'batch_start_id': '000000',
                'batch_end_id': ids[-1],
                'valid_batch_splits': [{'batch_start_id': ids[0], 'batch_end_id': ids[-1]}],
                'intersection_loc': 'yizhuang99',
                'camera_id': '7',
                **entry,
            }
        )
    write_json(side / 'data_info.json', index)


def _sensor_labels() -> list[dict[str, Any]]:
    """Single-view labels with strings for numbers, as the roadside files of the real data have."""
    return [
        {
            'type': kind.capitalize(),
            'truncated_state': '0',
            'occluded_state': '1',
            'alpha': '0.0',
            '2d_box': {'xmin': '10', 'ymin': '11.5', 'xmax': '20', 'ymax': '21'},
            '3d_dimensions': {'h': str(box[5]), 'w': str(box[4]), 'l': str(box[3])},
            '3d_location': {'x': str(box[0]), 'y': str(box[1]), 'z': str(box[2] + box[5] / 2)},
            'rotation': box[6],
        }
        for kind, box in OBJECTS
    ]


def _write_world_labels(folder: Path, vehicle_id: str, vehicle_index: int) -> None:
    labels = []
    for number, (kind, box) in enumerate(OBJECTS):
        corners = transform_points(
            map_from_vehicle(vehicle_index), to_label_order(box_corners([box]))[0]
        )
        centre = corners.mean(axis=0)
        label = {
            'type': kind,
            'occluded_state': 1 if number % 2 else '2',
            'truncated_state': 0,
            '2d_box': {'xmin': 1.5, 'ymin': 2.5, 'xmax': 30, 'ymax': 40},
            '3d_dimensions': {'h': box[5], 'w': str(box[4]), 'l': box[3]},
            '3d_location': dict(zip('xyz', centre.tolist(), strict=True)),
            'world_8_points': corners.tolist(),
        }
        if number % 2:
            label['rotation'] = box[6]
        labels.append(label)
    write_json(folder / 'cooperative' / 'label_world' / f'{vehicle_id}.json', labels)
