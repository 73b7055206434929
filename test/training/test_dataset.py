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

"""Samples of a small DAIR-V2X-C folder: sizes, calibration, ground truth, visibility, delay."""

import json

import numpy as np
import pytest
from training.tiny import tiny_folder, tiny_model, tiny_set

from emiff_ros.dair.errors import ImageError
from emiff_ros.training.augmentation import AugmentationConfig
from emiff_ros.training.config import GroundTruthConfig
from emiff_ros.training.dataset import CooperativeDataset, FolderPairs
from emiff_ros.training.sampler import SampleKey
from emiff_ros.training.variants import derive


def test_images_and_calibration_have_the_network_input_size(tmp_path):
    data = tiny_set(tmp_path)
    pair = tiny_folder(tmp_path).pairs[1]
    sample = data[1].sample
    assert len(data) == 4
    for view in sample.views:
        assert view.image.shape == (64, 96, 3) and view.image.dtype == np.uint8
    scale = [[96 / 192], [64 / 108], [1.0]]
    np.testing.assert_allclose(sample.vehicle.intrinsics, pair.vehicle.intrinsics() * scale)
    np.testing.assert_allclose(
        sample.infrastructure.camera_from_vehicle, pair.camera_from_vehicle()
    )


@pytest.mark.parametrize(
    ('modality', 'sides'),
    [
        ('early', ['vehicle', 'infrastructure']),
        ('vehicle_only', ['vehicle']),
        ('infrastructure_only', ['infrastructure']),
    ],
)
def test_cameras_are_those_that_the_network_sees(tmp_path, modality, sides):
    seen = tiny_set(tmp_path, model=derive(tiny_model(), modality)).cameras()
    both = tiny_set(tmp_path)[0].sample
    expected = [getattr(both, side).intrinsics for side in sides]
    assert len(seen) == 4 * len(sides)
    np.testing.assert_allclose([camera.intrinsics for camera in seen[: len(sides)]], expected)


def test_ground_truth_is_in_range_and_length_first(tmp_path):
    item = tiny_set(tmp_path)[0]
    expected = [
        (12.0, 3.0, -1.8, 4.4, 1.8, 1.5, 0.4),
        (28.0, -6.0, -1.7, 5.0, 2.0, 2.1, -2.8),
        (41.0, 8.0, -1.6, 9.0, 2.6, 3.4, 1.7),
        (66.0, -12.0, -1.5, 11.5, 2.6, 3.1, 3.0),
    ]
    np.testing.assert_allclose(item.sample.boxes, expected, atol=1e-5)
    assert item.corners.shape == (4, 8, 3) and not item.ignored.any()
    near = tiny_model(voxels={'x_range': [0.0, 50.0], 'counts': [29, 25, 4]})
    folder = tiny_folder(tmp_path)
    narrow = CooperativeDataset([FolderPairs(folder, folder.pairs)], near, cache_folder=tmp_path)
    np.testing.assert_allclose(narrow[0].sample.boxes, expected[:3], atol=1e-5)
    assert len(narrow[0].corners) == 4


def test_a_key_decides_the_random_changes(tmp_path):
    changes = AugmentationConfig(frame_turn_degrees=10.0, frame_shift=1.0, mirror_probability=0.5)
    data = tiny_set(tmp_path, changes)
    first, same = data[SampleKey(2, 5)], data[SampleKey(2, 5)]
    np.testing.assert_array_equal(first.sample.boxes, same.sample.boxes)
    flips = {data[SampleKey(2, epoch)].sample.flipped for epoch in range(12)}
    assert flips == {True, False}
    assert data[SampleKey(2, 6)].sample.boxes[0, 0] != first.sample.boxes[0, 0]
    assert data[SampleKey(2, 5, roadside=False)].sample.infrastructure is None


def _set_visibility(folder, vehicle, infrastructure):
    for path in (folder.root / 'cooperative' / 'label_world').glob('*.json'):
        labels = json.loads(path.read_text())
        for label, seen_by_vehicle, seen_by_pole in zip(
            labels, vehicle, infrastructure, strict=False
        ):
            label['vehicle_visible_fraction'] = seen_by_vehicle
            label['infrastructure_visible_fraction'] = seen_by_pole
        path.write_text(json.dumps(labels))


@pytest.mark.parametrize('unseen', ['drop', 'ignore'])
def test_unseen_ground_truth_is_dropped_or_ignored(tmp_path, unseen):
    folder = tiny_folder(tmp_path)
    # The four cars of the folder; all lie inside the vehicle's image.
    _set_visibility(folder, (0.9, 0.0, 0.05, 0.5), (0.0, 0.0, 0.0, 0.0))
    data = CooperativeDataset(
        [FolderPairs(folder, folder.pairs)],
        tiny_model(),
        ground_truth=GroundTruthConfig(min_visible_fraction=0.1, unseen=unseen),
        cache_folder=tmp_path / 'cache',
    )
    item = data[0]
    if unseen == 'drop':
        np.testing.assert_allclose(item.sample.boxes[:, 0], [12.0, 66.0], atol=1e-5)
        assert not item.ignored.any()
    else:
        assert len(item.sample.boxes) == 4
        assert item.ignored.tolist() == [False, True, True, False]


@pytest.mark.parametrize('mirror_probability', [0.0, 1.0])
def test_a_pose_error_leaves_what_the_images_show(tmp_path, mirror_probability):
    folder = tiny_folder(tmp_path)
    _set_visibility(folder, (0.0, 0.0, 0.0, 0.0), (0.9, 0.9, 0.9, 0.9))
    unseen = GroundTruthConfig(min_visible_fraction=0.1, unseen='drop')
    changes = AugmentationConfig(mirror_probability=mirror_probability, frame_shift=1.0)
    noise = {'pose_noise_metres': 20.0, 'pose_noise_degrees': 20.0}
    true, believed = (
        CooperativeDataset(
            [FolderPairs(folder, folder.pairs)],
            tiny_model(),
            augmentation,
            unseen,
            cache_folder=tmp_path / 'cache',
        )[0]
        for augmentation in (changes, changes.model_copy(update=noise))
    )
    assert len(true.sample.boxes)
    np.testing.assert_array_equal(believed.sample.boxes, true.sample.boxes)
    for shown, expected in zip(believed.centres, true.centres, strict=True):
        np.testing.assert_array_equal(shown, expected)
    np.testing.assert_array_equal(
        believed.sample.vehicle.camera_from_vehicle, true.sample.vehicle.camera_from_vehicle
    )
    pose = true.sample.infrastructure.camera_from_vehicle
    assert np.abs(believed.sample.infrastructure.camera_from_vehicle - pose).max() > 0.1


def test_delayed_roadside_frames(tmp_path):
    folder = tiny_folder(tmp_path)
    data = CooperativeDataset(
        [FolderPairs(folder, folder.pairs)],
        tiny_model(),
        AugmentationConfig(frame_delay=1),
        cache_folder=tmp_path / 'cache',
    )
    now = tiny_set(tmp_path)
    assert len(data) == 3
    assert data[0].sample.name == now[1].sample.name
    np.testing.assert_array_equal(
        data[0].sample.infrastructure.image, now[0].sample.infrastructure.image
    )
    with pytest.raises(ValueError, match='no cooperative pair in .*9 frames older'):
        CooperativeDataset(
            [FolderPairs(folder, folder.pairs)],
            tiny_model(),
            AugmentationConfig(frame_delay=9),
            cache_folder=tmp_path / 'cache',
        )


def test_the_cache_is_reused_and_follows_the_files(tmp_path):
    tiny_set(tmp_path)
    arrays = sorted((tmp_path / 'cache').iterdir())
    stamps = [path.stat().st_mtime_ns for path in arrays]
    folder = tiny_folder(tmp_path / 'second')
    pairs = [FolderPairs(folder, folder.pairs)]
    CooperativeDataset(pairs, tiny_model(), cache_folder=tmp_path / 'cache')
    assert [path.stat().st_mtime_ns for path in arrays] == stamps
    assert len(list((tmp_path / 'cache').iterdir())) == len(arrays) + 2
    image = folder.pairs[0].vehicle.image_path
    image.write_bytes(image.read_bytes()[:-200])
    with pytest.raises(ImageError, match='truncated'):
        CooperativeDataset(pairs, tiny_model(), cache_folder=tmp_path / 'cache')
    assert len(list((tmp_path / 'cache').iterdir())) == len(arrays) + 2
