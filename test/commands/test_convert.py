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

"""The verb convert-bag."""

import json

from dair.dair_folder import truncate, write_dair_folder
import pytest

from emiff_ros.bags.reader import bag_topics
from emiff_ros.cli import main


@pytest.fixture
def root(tmp_path):
    return write_dair_folder(tmp_path)


def test_converts_and_lists_what_was_left_out(tmp_path, root, capsys):
    truncate(root / 'vehicle-side/image/001002.jpg')
    report = tmp_path / 'report.json'
    bag = tmp_path / 'bag'
    assert (
        main(['convert-bag', str(root), str(bag), '-s', 'sqlite3', '--report', str(report)]) == 0
    )
    printed = capsys.readouterr().out
    assert '3 vehicle and 4 roadside frames' in printed
    assert 'roadside offsets: 2 last_known, 2 pair' in printed
    assert 'vehicle 001002: ImageError:' in printed
    assert json.loads(report.read_text())['frames'] == {'vehicle': 3, 'infrastructure': 4}
    assert bag_topics(bag)['/vehicle/odometry'].messages == 3
    assert (bag / 'bag.db3').is_file()


def test_one_split(tmp_path, root, capsys):
    assert main(['convert-bag', str(root), str(tmp_path / 'bag'), '--split', 'train']) == 0
    assert '3 vehicle and 3 roadside frames' in capsys.readouterr().out


def test_errors_are_one_sentence(tmp_path, root, capsys):
    assert main(['convert-bag', str(tmp_path / 'none'), str(tmp_path / 'bag')]) == 1
    assert 'is no folder' in capsys.readouterr().err
    assert main(['convert-bag', str(root), str(root)]) == 1
    assert 'exists already' in capsys.readouterr().err
