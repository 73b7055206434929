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

"""Generated data sets: read by the reader of real data, true geometry, cached, atomic."""

import hashlib
import json
from pathlib import Path
import shutil

import cv2
from dair.slow_job import render_slowly
import numpy as np
import pytest

from emiff_ros.dair.reader import DairFolder
from emiff_ros.dair.scenes import DatasetPlan, generate, generate_dataset, read_summary
from emiff_ros.dair.scenes.writer import FolderWriter
from emiff_ros.geometry import compose, invert_affine, is_rigid, transform_points

SIZE = (180, 320)
OPTIONS = {'image_size': SIZE, 'pair_interval': 0.3, 'frames_per_drive': 3, 'progress': False}


def digest(root):
    lines = []
    for path in sorted(Path(root).rglob('*')):
        if path.is_file():
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            lines.append(f'{path.relative_to(root)} {content}')
    return lines


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp('scenes') / 'set'
    return generate_dataset(path, 3, 4, 'train', processes=1, **OPTIONS)


@pytest.fixture(scope='module')
def pairs(root):
    return DairFolder(root).pairs


def test_reader_of_real_data_reads_it(root, pairs):
    folder = DairFolder(root)
    assert len(pairs) == 4
    assert folder.check() == []
    assert [pair.vehicle.frame_id for pair in folder.split('train')] == [
        '000000',
        '000001',
        '000002',
        '000003',
    ]
    for pair in pairs:
        for frame in (pair.vehicle, pair.infrastructure):
            assert cv2.imread(str(frame.image_path)).shape == (*SIZE, 3)
            assert frame.distortion() == pytest.approx([0] * 5)


def test_roadside_image_is_tens_of_milliseconds_older(pairs):
    for pair in pairs:
        lag = (pair.vehicle.image_stamp - pair.infrastructure.image_stamp) / 1e6
        assert 40 <= lag <= 155
        cloud = (pair.vehicle.image_stamp - pair.vehicle.pointcloud_stamp) / 1e6
        assert 79 <= cloud <= 123
    stamps = [pair.vehicle.image_stamp for pair in pairs]
    assert stamps == sorted(stamps)


def test_calibration_is_rigid_where_it_should_be(pairs):
    for pair in pairs:
        assert is_rigid(pair.vehicle.camera_from_vehicle(), 1e-9)
        assert is_rigid(pair.vehicle.map_from_vehicle(), 1e-9)
        assert is_rigid(pair.infrastructure.map_from_virtual_lidar(), 1e-9)
        k = pair.infrastructure.intrinsics()
        assert 1900 < k[0, 0] * 1920 / SIZE[1] < 2500
        assert 1.04 < k[1, 1] / k[0, 0] < 1.09


def camera_from_map(pair):
    vehicle_from_map = invert_affine(pair.vehicle.map_from_vehicle())
    return compose(pair.vehicle.camera_from_vehicle(), vehicle_from_map)


def test_labels_lie_near_the_vehicles_in_the_vehicle_image(pairs):
    """The image is taken up to 0.123 s after the labels' time: what moves has moved a little."""
    moved = 2.5
    compared = 0
    for pair in pairs:
        k = pair.vehicle.intrinsics()
        for label in pair.labels():
            if label.vehicle_visible_fraction < 0.95:
                continue
            points = transform_points(camera_from_map(pair), label.corners) @ k.T
            pixels = points[:, :2] / points[:, 2:]
            low, high = pixels.min(axis=0), pixels.max(axis=0)
            seen = np.array(label.box_2d, dtype=float)
            slack = 2.0 + 0.2 * (high - low).max() + moved * k[0, 0] / points[:, 2].min()
            np.testing.assert_allclose(seen, [*low, *high], atol=slack)
            compared += 1
    assert compared >= 5


def test_station_sees_vehicles_where_the_labels_are(root, pairs):
    """Roadside images are taken at nearly the labels' time: 0.08 s earlier or later at most."""
    distances = []
    for pair in pairs:
        labels = pair.labels()
        k = pair.infrastructure.intrinsics()
        path = Path(root) / 'cooperative-vehicle-infrastructure/infrastructure-side/label/camera'
        station = json.loads((path / f'{pair.infrastructure.frame_id}.json').read_text())
        world = pair.infrastructure.map_from_virtual_lidar().copy()
        world[:2, 3] += pair.offset if pair.offset is not None else 0.0
        centres = transform_points(
            world, [[entry['3d_location'][axis] for axis in 'xyz'] for entry in station]
        )
        for label in labels:
            if label.infrastructure_visible_fraction < 0.9:
                continue
            gaps = np.linalg.norm(centres - label.corners.mean(axis=0), axis=1)
            distances.append(gaps.min())
            if gaps.min() > 0.3:
                continue
            points = transform_points(pair.camera_from_map(), label.corners) @ k.T
            pixels = points[:, :2] / points[:, 2:]
            low, high = pixels.min(axis=0), pixels.max(axis=0)
            box = station[int(gaps.argmin())]['2d_box']
            seen = [box[key] for key in ('xmin', 'ymin', 'xmax', 'ymax')]
            np.testing.assert_allclose(seen, [*low, *high], atol=2.0 + 0.25 * (high - low).max())
    assert len(distances) >= 5
    assert max(distances) < 1.2
    assert np.median(distances) < 0.3


def test_road_lies_under_the_anchors(pairs):
    bottoms = []
    for pair in pairs:
        boxes, _ = pair.vehicle_boxes()
        near = np.hypot(boxes[:, 0], boxes[:, 1]) < 25
        bottoms += list(boxes[near, 2])
    assert len(bottoms) >= 5
    assert np.abs(np.array(bottoms) + 1.8).max() < 0.45


def test_summary_names_source_and_shares(root):
    summary = read_summary(root)
    assert summary['source'] == 'generated'
    assert summary['pairs'] == 4
    assert summary['drives'] == 2
    share = summary['visible_share']
    assert share['boxes'] >= 20
    assert 0.1 < share['vehicle'] < 1
    assert 0.2 < share['infrastructure'] <= 1
    assert share['neither'] < 0.4
    assert 'generated' in (Path(root) / 'README.md').read_text()


def test_finished_set_is_not_made_again(root, monkeypatch):
    def fail(*_):
        raise AssertionError('the set was generated again')

    monkeypatch.setattr(FolderWriter, 'make_folders', fail)
    assert generate_dataset(root, 3, 4, 'train', processes=1, **OPTIONS) == root


def test_worker_processes_give_the_same_bytes(root, tmp_path):
    again = generate_dataset(tmp_path / 'again', 3, 4, 'train', processes=2, **OPTIONS)
    assert digest(again) == digest(root)


def test_interrupted_run_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(FolderWriter, 'write_calibration', interrupt)
    with pytest.raises(KeyboardInterrupt):
        generate_dataset(tmp_path / 'set', 1, 1, 'test', processes=1, **OPTIONS)
    assert list(tmp_path.iterdir()) == []


def test_abandoned_partial_folder_is_removed(tmp_path, root):
    target = tmp_path / 'set'
    shutil.copytree(root, target)
    abandoned = tmp_path / '.set.partial-4194300'
    abandoned.mkdir()
    (target / 'scene.json').write_text(json.dumps({'source': 'generated'}))
    generate_dataset(target, 3, 1, 'train', processes=1, **OPTIONS)
    assert not abandoned.exists()
    assert read_summary(target)['pairs'] == 1


def test_foreign_folder_is_not_touched(tmp_path):
    note = tmp_path / 'mine.txt'
    note.write_text('keep')
    with pytest.raises(ValueError, match='not generated; choose another folder'):
        generate_dataset(tmp_path, 0, 1, 'train', processes=1, **OPTIONS)
    assert note.read_text() == 'keep'


def test_summary_of_another_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match='no finished generated data set'):
        read_summary(tmp_path)
    (tmp_path / 'scene.json').write_bytes(b'\xff')
    with pytest.raises(ValueError, match='no finished generated data set'):
        read_summary(tmp_path)
    (tmp_path / 'scene.json').write_text('{"source": "camera"}')
    with pytest.raises(ValueError, match='expected "source": "generated"'):
        read_summary(tmp_path)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'split': 'dev'}, "split is 'dev'"),
        ({'seed': -1}, 'seed is -1'),
        ({'frames': 0}, 'frames is 0'),
        ({'frames_per_drive': 0}, 'frames_per_drive is 0'),
        ({'pair_interval': 0.0}, 'pair_interval is 0.0 s'),
        ({'image_size': (10, 1920)}, r'image_size is \(10, 1920\)'),
        ({'frames_per_drive': 100, 'pair_interval': 1.0}, 'a drive would last over 30 s'),
    ],
)
def test_bad_parameters_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        DatasetPlan(**{'seed': 0, 'frames': 5, 'split': 'train', **changes})


def test_an_interruption_waits_for_no_picture_to_be_rendered(tmp_path, monkeypatch):
    monkeypatch.setattr(generate, 'run_job', render_slowly)
    file = tmp_path / 'rendered'
    results = generate._results([(number, file) for number in range(3)], 2)
    assert next(results) == 0
    results.close()
    assert not file.exists()
