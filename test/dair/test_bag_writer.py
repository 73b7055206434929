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

"""Conversion to a bag, read back with rosbags."""

from contextlib import contextmanager
from io import BytesIO
import json

from dair.dair_folder import (
    CAMERA_FROM_VEHICLE,
    CAMERA_FROM_VIRTUAL_LIDAR,
    INFRASTRUCTURE_K,
    VEHICLE_K,
    edit_json,
    map_from_vehicle,
    map_from_virtual_lidar,
    truncate,
    write_dair_folder,
)
import numpy as np
from PIL import Image
import pytest
from rosbags.rosbag2 import Reader

from emiff_ros.bags.errors import BagError
from emiff_ros.bags.message_types import make_typestore
from emiff_ros.dair.bag_messages import rigid_part
from emiff_ros.dair.bag_topics import CAMERA_CALIBRATION, TOPIC_TYPES
from emiff_ros.dair.bag_writer import METADATA_KEY, PAIRS_FILE, write_bag
from emiff_ros.dair.reader import DairFolder
from emiff_ros.geometry import (
    compose,
    homogeneous,
    invert_affine,
    is_rigid,
    rotation_from_quaternion,
)
from emiff_ros.matching.pairs_file import read_pairs

LEAD = 50_000_000


@pytest.fixture
def root(tmp_path):
    return write_dair_folder(tmp_path)


@contextmanager
def bag_messages(path):
    """Yield {topic: [(log time, message)]} of a bag and its custom metadata."""
    typestore = make_typestore([CAMERA_CALIBRATION])
    with Reader(path) as reader:
        messages = {connection.topic: [] for connection in reader.connections}
        for connection, time, data in reader.messages(reader.connections):
            message = typestore.deserialize_cdr(data, connection.msgtype)
            messages[connection.topic].append((time, message))
        yield messages, json.loads(reader.storage.metadata.custom[METADATA_KEY])


def stamp_of(header):
    return header.stamp.sec * 1_000_000_000 + header.stamp.nanosec


def affine_of(translation, rotation):
    linear = rotation_from_quaternion([rotation.x, rotation.y, rotation.z, rotation.w])
    return np.hstack([linear, [[translation.x], [translation.y], [translation.z]]])


@pytest.mark.parametrize('storage', ['mcap', 'sqlite3'])
@pytest.mark.parametrize('version', [8, 9])
def test_every_frame_is_in_the_bag(tmp_path, root, storage, version):
    steps = []
    report = write_bag(
        DairFolder(root),
        tmp_path / 'bag',
        storage,
        metadata_version=version,
        progress=lambda done, total: steps.append((done, total)),
    )
    assert report.refused == [] and report.frames == {'vehicle': 4, 'infrastructure': 4}
    assert steps[-1] == (8, 8)
    with bag_messages(tmp_path / 'bag') as (messages, metadata):
        counts = {topic: len(items) for topic, items in messages.items()}
        assert counts == dict(report.messages)
        assert set(counts) == set(TOPIC_TYPES)
        assert counts['/vehicle/camera/image/compressed'] == 4
        assert report.start == min(time for items in messages.values() for time, _ in items)
        assert report.end == max(time for items in messages.values() for time, _ in items)
    assert metadata['pose_time'] == 'image'
    assert metadata['raw_calibration']['infrastructure'][0]['P'][0] == 198.0
    assert metadata['raw_calibration']['vehicle'] == [
        {'from_frame': '001000', 'cam_D': [-0.17, 0.02, -0.0007, -0.0002, 0.0], 'P': None}
    ]


def test_images_are_the_original_bytes_at_their_own_stamps(tmp_path, root):
    folder = DairFolder(root)
    write_bag(folder, tmp_path / 'bag')
    with bag_messages(tmp_path / 'bag') as (messages, _):
        for side, frames in (
            ('vehicle', folder.vehicle_frames),
            ('infrastructure', folder.infrastructure_frames),
        ):
            images = messages[f'/{side}/camera/image/compressed']
            for frame, (time, message) in zip(frames.values(), images, strict=True):
                assert time == frame.image_stamp == stamp_of(message.header)
                assert message.data.tobytes() == frame.image_path.read_bytes()
                assert message.format == 'jpeg'
                assert message.header.frame_id == f'{side}/camera_optical'
                assert Image.open(BytesIO(message.data.tobytes())).size == (192, 108)


def test_calibration_comes_before_its_image_and_info_with_it(tmp_path, root):
    folder = DairFolder(root)
    write_bag(folder, tmp_path / 'bag')
    with bag_messages(tmp_path / 'bag') as (messages, _):
        stamps = [frame.image_stamp for frame in folder.vehicle_frames.values()]
        for topic in ('/vehicle/calibration', '/vehicle/odometry'):
            assert [time for time, _ in messages[topic]] == [stamp - LEAD for stamp in stamps]
            assert [stamp_of(m.header) for _, m in messages[topic]] == stamps
        for _, info in messages['/infrastructure/camera/camera_info']:
            assert (info.height, info.width) == (108, 192)
            assert np.array_equal(info.k, np.ravel(INFRASTRUCTURE_K))
            assert not info.d.any() and len(info.d) == 5
            assert np.array_equal(info.p.reshape(3, 4)[:, :3], INFRASTRUCTURE_K)
            assert not info.p.reshape(3, 4)[:, 3].any()
    with Reader(tmp_path / 'bag') as reader:
        order = [(time, connection.topic) for connection, time, _ in reader.messages(())]
        times = [time for time, _ in order]
        assert times == sorted(times)


def test_calibrations_carry_the_affine_exactly(tmp_path, root):
    write_bag(DairFolder(root), tmp_path / 'bag')
    with bag_messages(tmp_path / 'bag') as (messages, _):
        first = messages['/vehicle/calibration'][0][1]
        assert first.reference_frame == 'vehicle'
        assert first.header.frame_id == 'vehicle/camera_optical'
        assert np.array_equal(first.camera_from_reference.reshape(3, 4), CAMERA_FROM_VEHICLE)
        assert np.array_equal(first.k.reshape(3, 3), VEHICLE_K)
        assert (first.image_height, first.image_width) == (108, 192)
        # Offsets in force: the first pair's, carried on, then zero, carried on.
        offsets = [(0.66, -0.25), (0.66, -0.25), (0, 0), (0, 0)]
        for offset, (_, message) in zip(
            offsets, messages['/infrastructure/calibration'], strict=True
        ):
            pose = map_from_virtual_lidar()
            pose[:2, 3] += offset
            expected = compose(CAMERA_FROM_VIRTUAL_LIDAR, invert_affine(pose))
            assert message.reference_frame == 'map'
            assert np.allclose(
                message.camera_from_reference.reshape(3, 4), expected, rtol=0, atol=1e-9
            )


def test_odometry_and_transforms(tmp_path, root):
    write_bag(DairFolder(root), tmp_path / 'bag')
    with bag_messages(tmp_path / 'bag') as (messages, _):
        for index, (_, message) in enumerate(messages['/vehicle/odometry']):
            assert (message.header.frame_id, message.child_frame_id) == ('map', 'vehicle')
            pose = message.pose.pose
            found = affine_of(pose.position, pose.orientation)
            assert np.allclose(found, map_from_vehicle(index), atol=1e-9)
        for index, (_, message) in enumerate(messages['/tf']):
            (transform,) = message.transforms
            assert (transform.header.frame_id, transform.child_frame_id) == ('map', 'vehicle')
            found = affine_of(transform.transform.translation, transform.transform.rotation)
            assert np.allclose(found, map_from_vehicle(index), atol=1e-9)
        static = [message for _, message in messages['/tf_static']]
        # Roadside first, both from then on, and again when the offset changes.
        assert [len(message.transforms) for message in static] == [1, 2, 2]
        by_child = {item.child_frame_id: item for item in static[-1].transforms}
        camera = by_child['vehicle/camera_optical']
        found = affine_of(camera.transform.translation, camera.transform.rotation)
        assert camera.header.frame_id == 'vehicle'
        assert np.allclose(found, invert_affine(CAMERA_FROM_VEHICLE), atol=1e-9)
        pole = by_child['infrastructure/camera_optical']
        camera_from_map = compose(
            CAMERA_FROM_VIRTUAL_LIDAR, invert_affine(map_from_virtual_lidar())
        )
        centre = invert_affine(camera_from_map)[:, 3]
        translation = pole.transform.translation
        assert np.allclose([translation.x, translation.y, translation.z], centre, atol=1e-9)


def test_rigid_part_of_an_affine_is_the_nearest_rotation():
    affine = invert_affine(CAMERA_FROM_VIRTUAL_LIDAR)
    rigid = rigid_part(affine)
    assert is_rigid(rigid, 1e-12) and not is_rigid(affine, 0.05)
    assert np.array_equal(rigid[:, 3], affine[:, 3])
    rotation = map_from_vehicle(0)
    assert np.allclose(rigid_part(rotation), rotation, atol=1e-12)
    assert np.allclose(homogeneous(rigid)[3], [0, 0, 0, 1])


def test_pose_at_lidar_time(tmp_path, root):
    folder = DairFolder(root)
    write_bag(folder, tmp_path / 'bag', pose_time='lidar')
    with bag_messages(tmp_path / 'bag') as (messages, _):
        frames = folder.vehicle_frames.values()
        for frame, (_, message) in zip(frames, messages['/vehicle/odometry'], strict=True):
            assert stamp_of(message.header) == frame.pointcloud_stamp
        for frame, (_, message) in zip(frames, messages['/vehicle/calibration'], strict=True):
            assert stamp_of(message.header) == frame.image_stamp


def test_broken_frames_are_refused_by_name_and_the_rest_is_written(tmp_path, root):
    truncate(root / 'vehicle-side/image/001001.jpg')
    (root / 'infrastructure-side/image/000010.jpg').unlink()
    edit_json(root / 'vehicle-side/calib/camera_intrinsic/001002.json', cam_K=None)
    edit_json(
        root / 'infrastructure-side/calib/virtuallidar_to_world/000011.json',
        translation=[[float('nan')], [0], [0]],
    )
    edit_json(
        root / 'vehicle-side/calib/novatel_to_world/001003.json',
        rotation=[[1, 0, 0], [0, 1, 0], [0, 0, 1.5]],
    )
    report = write_bag(DairFolder(root), tmp_path / 'bag')
    assert sorted((item.side, item.frame_id, item.kind) for item in report.refused) == [
        ('infrastructure', '000010', 'MissingFileError'),
        ('infrastructure', '000011', 'CalibrationError'),
        ('vehicle', '001001', 'ImageError'),
        ('vehicle', '001002', 'CalibrationError'),
        ('vehicle', '001003', 'CalibrationError'),
    ]
    assert report.frames == {'vehicle': 1, 'infrastructure': 2}
    assert report.messages['/vehicle/calibration'] == 1
    assert report.offsets == {'pair': 1, 'last_known': 1}
    reasons = {item.frame_id: item.reason for item in report.refused}
    assert 'is truncated' in reasons['001001'] and 'cam_K' in reasons['001002']
    assert 'is no rotation' in reasons['001003']
    with bag_messages(tmp_path / 'bag') as (_, metadata):
        assert len(metadata['refused']) == 5
    assert json.dumps(report.to_dict())


def test_only_the_frames_of_some_pairs(tmp_path, root):
    folder = DairFolder(root)
    report = write_bag(folder, tmp_path / 'bag', pairs=folder.split('val'))
    assert report.frames == {'vehicle': 1, 'infrastructure': 1}
    assert len(read_pairs(tmp_path / 'bag' / PAIRS_FILE)) == 1


def test_the_pairs_are_listed_beside_the_bag(tmp_path, root):
    folder = DairFolder(root)
    write_bag(folder, tmp_path / 'bag')
    assert read_pairs(tmp_path / 'bag' / PAIRS_FILE) == {
        pair.vehicle.image_stamp: pair.infrastructure.image_stamp for pair in folder.pairs
    }


def test_pairs_of_which_a_frame_was_left_out_are_not_listed(tmp_path, root):
    folder = DairFolder(root)
    broken, *others = folder.pairs
    truncate(broken.vehicle.image_path)
    write_bag(folder, tmp_path / 'bag')
    listed = read_pairs(tmp_path / 'bag' / PAIRS_FILE)
    assert listed.keys() == {pair.vehicle.image_stamp for pair in others}


def test_a_bag_is_replaced_only_on_demand_and_nothing_else_ever(tmp_path, root):
    folder = DairFolder(root)
    write_bag(folder, tmp_path / 'bag')
    with pytest.raises(BagError, match='exists already'):
        write_bag(folder, tmp_path / 'bag')
    write_bag(folder, tmp_path / 'bag', 'sqlite3', overwrite=True)
    assert (tmp_path / 'bag' / 'bag.db3').is_file()
    with pytest.raises(BagError, match='exists and is no bag'):
        write_bag(folder, root, overwrite=True)
    assert (root / 'cooperative').is_dir()


def test_refusals(tmp_path, root):
    folder = DairFolder(root)
    with pytest.raises(ValueError, match="storage is 'zip'; expected one of"):
        write_bag(folder, tmp_path / 'bag', 'zip')
    with pytest.raises(ValueError, match="pose_time is 'now'"):
        write_bag(folder, tmp_path / 'bag', pose_time='now')
    with pytest.raises(ValueError, match='metadata_version is 5'):
        write_bag(folder, tmp_path / 'bag', metadata_version=5)
    for image in root.glob('*/image/*.jpg'):
        truncate(image, 0.1)
    with pytest.raises(BagError, match='no frame could be converted .*is truncated'):
        write_bag(folder, tmp_path / 'bag')
    assert not (tmp_path / 'bag').exists()


def test_stamps_of_a_clock_that_began_at_zero(root, tmp_path):
    for side in ('vehicle-side', 'infrastructure-side'):
        index = root / side / 'data_info.json'
        entries = json.loads(index.read_text())
        for number, entry in enumerate(entries):
            entry['image_timestamp'] = 1 + 100_000 * number
        index.write_text(json.dumps(entries))
    report = write_bag(DairFolder(root), tmp_path / 'bag')
    assert report.frames == {'vehicle': 4, 'infrastructure': 4}
    with Reader(tmp_path / 'bag') as reader:
        assert reader.start_time == 0
