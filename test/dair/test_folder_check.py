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

"""DairFolder.check lists everything that is wrong, and nothing else."""

import json

from dair.dair_folder import edit_json, truncate, write_dair_folder, write_json
import pytest

from emiff_ros.dair.reader import DairFolder


@pytest.fixture
def folder(tmp_path):
    return write_dair_folder(tmp_path)


def test_a_sound_folder_has_no_problems(folder):
    seen = []
    assert DairFolder(folder).check(progress=seen.append) == []
    assert len(seen) == 8


def test_every_problem_is_listed_once(folder):
    (folder / 'vehicle-side/image/001000.jpg').unlink()
    truncate(folder / 'infrastructure-side/image/000011.jpg')
    edit_json(folder / 'vehicle-side/calib/camera_intrinsic/001001.json', cam_K=[1.0] * 8)
    edit_json(
        folder / 'infrastructure-side/calib/virtuallidar_to_camera/000012.json',
        rotation=[[1, 0, 0], [0, 1, 0], [1, 1, 0]],
    )
    (folder / 'cooperative/label_world/001003.json').write_text('[{"type": "car"}]')
    (folder / 'vehicle-side/calib/lidar_to_camera/001002.json').write_text('{"rotation": ')
    problems = DairFolder(folder).check()
    assert sorted((problem.kind, problem.frame_id) for problem in problems) == [
        ('CalibrationError', '000012'),
        ('CalibrationError', '001001'),
        ('ImageError', '000011'),
        ('JsonError', '001002'),
        ('LabelError', '001003'),
        ('MissingFileError', '001000'),
    ]
    assert 'cannot be inverted' in str(
        next(problem for problem in problems if problem.frame_id == '000012')
    )


def test_check_of_some_pairs_looks_only_at_them(folder):
    truncate(folder / 'infrastructure-side/image/000011.jpg')
    data = DairFolder(folder)
    assert data.check(data.pairs[:1]) == []
    assert len(data.check(data.pairs[:2])) == 1


def test_index_entries_that_cannot_be_used_belong_to_the_whole_folder(folder):
    index = folder / 'vehicle-side' / 'data_info.json'
    write_json(index, [*json.loads(index.read_text()), {'image_path': 'image/001004.jpg'}])
    data = DairFolder(folder)
    assert data.check(data.pairs) == []
    assert [problem.frame_id for problem in data.check()] == ['001004']
