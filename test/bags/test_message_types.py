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

"""Message definitions: found in the source tree or a prefix, hashes as installed."""

import pytest

from emiff_ros.bags import message_types
from emiff_ros.bags.errors import BagError, MissingDefinitionError
from emiff_ros.bags.message_types import (
    add_type,
    definition_file,
    installed_type_hash,
    make_typestore,
)
from emiff_ros.dair.bag_topics import CAMERA_CALIBRATION, TOPIC_TYPES


def test_definition_in_the_source_tree_and_in_a_prefix(tmp_path, monkeypatch):
    assert 'camera_from_reference' in definition_file(CAMERA_CALIBRATION).read_text()
    folder = tmp_path / 'share' / 'toy_msgs' / 'msg'
    folder.mkdir(parents=True)
    (folder / 'Toy.msg').write_text('uint8 value\n')
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))
    assert definition_file('toy_msgs/msg/Toy') == folder / 'Toy.msg'
    assert 'toy_msgs/msg/Toy' in make_typestore(['toy_msgs/msg/Toy']).fielddefs


def test_missing_definition(monkeypatch):
    monkeypatch.delenv('AMENT_PREFIX_PATH', raising=False)
    remedy = 'build nowhere_msgs and source its workspace'
    with pytest.raises(MissingDefinitionError, match=remedy):
        definition_file('nowhere_msgs/msg/Thing')
    assert installed_type_hash('nowhere_msgs/msg/Thing') is None


def test_definition_that_cannot_be_parsed():
    with pytest.raises(BagError, match='cannot be parsed'):
        add_type(make_typestore(), 'toy_msgs/msg/Toy', 'uint8 [[[\n')


@pytest.mark.parametrize('type_name', sorted(set(TOPIC_TYPES.values())))
def test_written_types_have_the_hashes_of_the_installed_ones(type_name):
    installed = installed_type_hash(type_name)
    if installed is None:
        pytest.skip(f'{type_name} is not installed here')
    assert make_typestore([CAMERA_CALIBRATION]).hash_rihs01(type_name) == installed


def test_known_types_are_kept():
    store = make_typestore()
    add_type(store, 'std_msgs/msg/Header', 'uint8 other\n')
    assert store.fielddefs['std_msgs/msg/Header'][1][0][0] == 'stamp'
    assert message_types.make_typestore().hash_rihs01('std_msgs/msg/Header').startswith('RIHS01_')
