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

"""Which frames of a folder a demo replays."""

import json

from dair.dair_folder import edit_json, truncate, write_dair_folder
import numpy as np
import pytest

from emiff_ros.dair.errors import JsonError
from emiff_ros.dair.reader import DairFolder
from emiff_ros.demo.drives import prepare_drives, require_usable_pairs


@pytest.mark.parametrize(('other_batch', 'images'), [(None, 4), ('another', 2)])
def test_frames_of_no_pair_are_played_where_the_folder_is_one_drive(tmp_path, other_batch, images):
    root = write_dair_folder(tmp_path)
    index = root / 'cooperative' / 'data_info.json'
    pairs = json.loads(index.read_text())[:2]
    index.write_text(json.dumps(pairs))
    if other_batch:
        frames = root / 'vehicle-side' / 'data_info.json'
        entries = json.loads(frames.read_text())
        paired = {pair['vehicle_image_path'].removeprefix('vehicle-side/') for pair in pairs}
        unpaired = [entry for entry in entries if entry['image_path'] not in paired]
        unpaired[0]['batch_id'] = other_batch
        frames.write_text(json.dumps(entries))
    (drive,) = prepare_drives(DairFolder(root), tmp_path / 'drives')
    assert len(drive.pairs) == 2
    assert len(drive.image_stamps) == images


def test_pairs_with_a_frame_that_cannot_be_used_are_left_out(tmp_path, caplog):
    root = write_dair_folder(tmp_path)
    truncate(root / 'vehicle-side' / 'image' / '001000.jpg')
    (root / 'infrastructure-side' / 'image' / '000011.jpg').unlink()
    (drive,) = prepare_drives(DairFolder(root), tmp_path / 'drives')
    assert [pair.vehicle.frame_id for pair in drive.pairs] == ['001002', '001003']
    assert len(drive.image_stamps) == 3
    assert 'vehicle frame 001000 left out' in caplog.text
    for image in (root / 'infrastructure-side' / 'image').glob('*.jpg'):
        image.unlink()
    with pytest.raises(ValueError, match='no cooperative pairs that can be used'):
        require_usable_pairs(DairFolder(root))


def test_labels_that_cannot_be_read_are_named_before_anything_is_played(tmp_path):
    root = write_dair_folder(tmp_path)
    (root / 'cooperative' / 'label_world' / '001002.json').write_text('{}')
    with pytest.raises(JsonError, match=r'001002\.json: holds a dict; expected a list'):
        require_usable_pairs(DairFolder(root))


def test_a_batch_that_is_called_like_a_path_stays_inside_the_output(tmp_path):
    root = write_dair_folder(tmp_path)
    for side in ('vehicle-side', 'infrastructure-side'):
        index = root / side / 'data_info.json'
        entries = json.loads(index.read_text())
        index.write_text(json.dumps([{**entry, 'batch_id': '/../../out'} for entry in entries]))
    (drive,) = prepare_drives(DairFolder(root), tmp_path / 'demo' / 'bags')
    assert drive.bag.parent == tmp_path / 'demo' / 'bags'
    assert '/' not in drive.name
    assert (drive.bag / 'metadata.yaml').is_file()


def test_pairs_of_which_none_can_be_converted_are_refused(tmp_path):
    root = write_dair_folder(tmp_path)
    for pose in (root / 'vehicle-side' / 'calib' / 'novatel_to_world').glob('*.json'):
        rotation = np.diag([2.0, 2.0, 2.0]).tolist()
        edit_json(pose, rotation=rotation)
    with pytest.raises(ValueError, match='no cooperative pair could be converted; mend'):
        prepare_drives(DairFolder(root), tmp_path / 'drives')
