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

from dair.dair_folder import write_dair_folder
import pytest

from emiff_ros.dair.reader import DairFolder
from emiff_ros.demo.drives import prepare_drives


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
