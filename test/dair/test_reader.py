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

"""DairFolder on a tiny folder that has the quirks of the real data."""

import json
import re

from dair.dair_folder import (
    CAMERA_FROM_VIRTUAL_LIDAR,
    INFRASTRUCTURE_K,
    OBJECTS,
    START_MICROSECONDS,
    VEHICLE_K,
    edit_json,
    map_from_vehicle,
    map_from_virtual_lidar,
    truncate,
    write_dair_folder,
    write_json,
)
import numpy as np
import pytest

from emiff_ros.dair.errors import (
    CalibrationError,
    FrameIndexError,
    ImageError,
    JsonError,
    MissingFileError,
    SplitError,
)
from emiff_ros.dair.reader import DairFolder
from emiff_ros.geometry import compose, invert_affine, transform_points


@pytest.fixture
def folder(tmp_path):
    return write_dair_folder(tmp_path)


def test_opens_the_folder_and_its_parent(tmp_path, folder):
    for root in (folder, tmp_path):
        data = DairFolder(root)
        assert list(data.vehicle_frames) == ['001000', '001001', '001002', '001003']
        assert len(data.infrastructure_frames) == 4
        stamps = [pair.vehicle.image_stamp for pair in data.pairs]
        assert stamps == sorted(stamps) and len(stamps) == 4


def test_stamps_are_nanoseconds(folder):
    frame = DairFolder(folder).vehicle_frames['001001']
    assert frame.image_stamp == (START_MICROSECONDS + 100_000) * 1000
    assert frame.image_stamp - frame.pointcloud_stamp == 80_000_000


def test_calibration_of_both_sides(folder):
    pair = DairFolder(folder).pairs[0]
    assert np.array_equal(pair.vehicle.intrinsics(), VEHICLE_K)
    assert np.array_equal(pair.infrastructure.intrinsics(), INFRASTRUCTURE_K)
    assert np.allclose(pair.vehicle.map_from_vehicle(), map_from_vehicle(0), atol=1e-9)
    assert pair.vehicle.image_size == (108, 192)
    assert pair.vehicle.raw_projection() is None
    assert pair.infrastructure.raw_projection()[0] == 198.0
    assert pair.infrastructure.distortion()[0] == -0.45
    assert pair.infrastructure.station_id == 'yizhuang99_7'


def test_roadside_extrinsics_use_the_true_inverse_and_the_offset_once(folder):
    pair = DairFolder(folder).pairs[0]
    pose = map_from_virtual_lidar()
    pose[:2, 3] += [0.66, -0.25]
    expected = compose(CAMERA_FROM_VIRTUAL_LIDAR, invert_affine(pose))
    assert pair.offset == (0.66, -0.25)
    assert np.allclose(pair.camera_from_map(), expected, atol=1e-9)
    without = compose(CAMERA_FROM_VIRTUAL_LIDAR, invert_affine(map_from_virtual_lidar()))
    assert np.allclose(pair.camera_from_map((0.0, 0.0)), without, atol=1e-9)
    point = np.array([[14.0, 2.0, -1.0]])
    through_map = transform_points(
        pair.camera_from_map(), transform_points(map_from_vehicle(0), point)
    )
    assert np.allclose(transform_points(pair.camera_from_vehicle(), point), through_map)


def test_offset_is_listed_empty_or_zero(folder):
    pairs = DairFolder(folder).pairs
    assert [pair.system_error_offset for pair in pairs] == [(0.66, -0.25), None, (0, 0), None]
    assert [pair.offset for pair in pairs] == [(0.66, -0.25), (0.66, -0.25), (0, 0), (0, 0)]


def test_vehicle_boxes_are_recovered_from_world_corners(folder):
    for pair in DairFolder(folder).pairs:
        boxes, corners = pair.vehicle_boxes()
        wanted = np.array([box for kind, box in OBJECTS[:4]])
        assert np.allclose(boxes, wanted, atol=1e-6)
        assert corners.shape == (4, 8, 3)
    assert len(pair.vehicle_boxes(None)[0]) == 5
    assert [label.type for label in pair.labels('pedestrian')] == ['pedestrian']


def test_splits(tmp_path, folder):
    data = DairFolder(folder)
    assert [pair.vehicle.frame_id for pair in data.split('val')] == ['001003']
    with pytest.raises(SplitError, match="no split 'test'.*train"):
        data.split('test')
    write_json(tmp_path / 'other.json', {'cooperative_split': {'val': ['999999']}})
    with pytest.raises(SplitError, match='none of the 1 frames'):
        DairFolder(folder, tmp_path / 'other.json').split('val')
    (tmp_path / 'split.json').unlink()
    with pytest.raises(MissingFileError, match='no split file'):
        data.split('val')


@pytest.mark.parametrize(
    ('splits', 'message'),
    [
        (5, 'is a int; expected an object with a list for each split'),
        (['train'], 'is a list; expected an object'),
        ({'train': 5}, "split 'train' is a int; expected a list of vehicle frame ids"),
        ({'train': '001000'}, "split 'train' is a str; expected a list"),
    ],
)
def test_malformed_splits_are_named(tmp_path, folder, splits, message):
    write_json(tmp_path / 'split.json', {'cooperative_split': splits})
    with pytest.raises(SplitError, match=f"split.json: key 'cooperative_split': {message}"):
        DairFolder(folder).split('train')


def test_delayed_pair_stays_in_its_drive(folder):
    data = DairFolder(folder)
    delayed = data.delayed(data.pairs[3], 2)
    assert delayed.infrastructure.frame_id == '000011'
    assert delayed.vehicle.frame_id == '001003'
    assert delayed.label_path == data.pairs[3].label_path
    assert data.delayed(data.pairs[3], 0).infrastructure.frame_id == '000013'
    assert data.delayed(data.pairs[1], 2) is None
    with pytest.raises(ValueError, match='frames is -1'):
        data.delayed(data.pairs[1], -1)


def test_frames_without_numbers_have_no_older_ones(tmp_path):
    data = DairFolder(write_dair_folder(tmp_path, infrastructure_ids=('a', 'b', 'c', 'd')))
    with pytest.raises(FrameIndexError, match="names frame 'd'; expected a number"):
        data.delayed(data.pairs[3], 1)


def test_missing_folder_and_index(tmp_path, folder):
    with pytest.raises(MissingFileError, match='is no folder'):
        DairFolder(tmp_path / 'nowhere')
    (folder / 'cooperative' / 'data_info.json').unlink()
    with pytest.raises(MissingFileError, match='cooperative/data_info.json'):
        DairFolder(folder)


def test_index_that_is_no_list_or_has_no_usable_entry(folder):
    index = folder / 'vehicle-side' / 'data_info.json'
    write_json(index, {'image_path': 'image/1.jpg'})
    with pytest.raises(JsonError, match='holds a dict; expected a list'):
        DairFolder(folder)
    write_json(index, [{'image_path': 'image/1.jpg', 'image_timestamp': '0'}])
    with pytest.raises(FrameIndexError, match='lists no usable frame.*microseconds'):
        DairFolder(folder)
    for text in ('[{"image_path": ', f'[{"9" * 5000}]', '[' * 100_000):
        index.write_text(text)
        with pytest.raises(JsonError, match='is not valid JSON'):
            DairFolder(folder)


def test_broken_index_entries_are_left_out_and_listed(folder, caplog):
    index = folder / 'vehicle-side' / 'data_info.json'
    entries = json.loads(index.read_text())
    del entries[1]['image_timestamp']
    entries[2]['image_timestamp'] = '0'
    write_json(index, entries)
    data = DairFolder(folder)
    assert list(data.vehicle_frames) == ['001000', '001003']
    assert [pair.vehicle.frame_id for pair in data.pairs] == ['001000', '001003']
    assert '4 index entries' in caplog.text
    problems = data.check()
    assert [(problem.kind, problem.frame_id) for problem in problems] == [
        ('FrameIndexError', '001001'),
        ('FrameIndexError', '001002'),
        ('FrameIndexError', '001002'),
        ('FrameIndexError', '001001'),
    ]
    assert "key 'image_timestamp': is missing" in problems[0].message
    assert 'names vehicle-side/image/001002.jpg' in problems[2].message


@pytest.mark.parametrize('side', ['vehicle-side', 'infrastructure-side'])
@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ('entry', "found 'entry' where an object was expected"),
        ({'valid_batch_splits': ['a']}, r"is \['a'\] for .*; expected a list of objects"),
        ({'valid_batch_splits': 5}, 'is 5 for .*; expected a list of objects'),
        ({'image_path': None}, "'image_path': is None; expected the path of an image"),
        ({'image_path': ''}, "'image_path': is ''; expected the path of an image"),
        ({'image_timestamp': float('inf')}, 'is inf; expected a finite number'),
        ({'image_timestamp': 10**400}, 'expected microseconds since 1970'),
        ({'pointcloud_timestamp': float('inf')}, 'is inf; expected a finite number'),
    ],
)
def test_malformed_index_entries_are_left_out(folder, side, change, message):
    index = folder / side / 'data_info.json'
    entries = json.loads(index.read_text())
    entries[1] = change if isinstance(change, str) else {**entries[1], **change}
    write_json(index, entries)
    data = DairFolder(folder)
    assert len(data.pairs) == 3
    of_frame, of_pair = data.check()
    assert (of_frame.kind, of_pair.kind) == ('FrameIndexError', 'FrameIndexError')
    assert re.search(message, of_frame.message)


def test_pairs_whose_paths_are_no_text_are_left_out(folder):
    index = folder / 'cooperative' / 'data_info.json'
    entries = json.loads(index.read_text())
    entries[0]['vehicle_image_path'] = 5
    entries[1]['cooperative_label_path'] = 5
    write_json(index, entries)
    data = DairFolder(folder)
    assert len(data.pairs) == 3
    assert [problem.kind for problem in data.check()] == ['FrameIndexError', 'MissingFileError']


def test_named_errors_of_frame_files(folder):
    pair = DairFolder(folder).pairs[0]
    intrinsics = folder / 'vehicle-side/calib/camera_intrinsic/001000.json'
    edit_json(intrinsics, cam_K=None)
    with pytest.raises(CalibrationError, match="001000.json: key 'cam_K': is missing"):
        pair.vehicle.intrinsics()
    novatel = folder / 'vehicle-side/calib/novatel_to_world/001000.json'
    edit_json(novatel, translation=[[1.0], [float('nan')], [2.0]])
    with pytest.raises(CalibrationError, match="key 'translation': holds .* not finite"):
        pair.vehicle.map_from_vehicle()
    truncate(pair.vehicle.image_path)
    with pytest.raises(ImageError, match='is truncated'):
        pair.vehicle.image_bytes()
    with pytest.raises(ValueError, match="expected 'lidar' or 'camera'"):
        pair.vehicle.labels('radar')


def test_sensor_labels(folder):
    labels = DairFolder(folder).infrastructure_frames['000010'].labels('camera')
    assert [label.category for label in labels] == ['car'] * 4 + ['pedestrian']
    assert np.allclose(labels[2].box, OBJECTS[2][1])
    assert labels[0].box_2d == (10.0, 11.5, 20.0, 21.0)
    assert labels[0].occluded_state == 1


def test_pair_without_label_entry(folder):
    index = folder / 'cooperative' / 'data_info.json'
    entries = json.loads(index.read_text())
    for entry in entries:
        del entry['cooperative_label_path']
    write_json(index, entries)
    data = DairFolder(folder)
    with pytest.raises(FrameIndexError, match='cooperative_label_path'):
        data.pairs[0].labels()
    assert {problem.kind for problem in data.check()} == {'FrameIndexError'}


def test_frame_entry_without_a_calibration_path(folder):
    index = folder / 'infrastructure-side' / 'data_info.json'
    entries = json.loads(index.read_text())
    del entries[0]['calib_camera_intrinsic_path']
    write_json(index, entries)
    frame = DairFolder(folder).infrastructure_frames['000010']
    with pytest.raises(FrameIndexError, match="'calib_camera_intrinsic_path': is missing"):
        frame.intrinsics()
