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

"""The verb play-bag."""

from dair.dair_folder import write_dair_folder
import pytest

from emiff_ros.dair.bag_writer import write_bag
from emiff_ros.dair.reader import DairFolder

pytest.importorskip('rclpy')
pytest.importorskip('emiff_msgs.msg')

from emiff_ros.cli import main
from emiff_ros.commands.play import parse_remappings


@pytest.fixture
def bag(tmp_path, monkeypatch):
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    monkeypatch.setenv('ROS_DOMAIN_ID', '101')
    write_bag(DairFolder(write_dair_folder(tmp_path)), tmp_path / 'bag')
    return tmp_path / 'bag'


def test_plays_to_the_end(bag, capsys):
    options = ['--rate', '20', '--clock', '--topics', '/vehicle/odometry', '/tf_static']
    assert main(['play-bag', str(bag), *options, '--remap', '/vehicle/odometry:=/odom']) == 0
    assert '7 messages on 2 topics' in capsys.readouterr().out


def test_errors_are_one_sentence(bag, capsys):
    assert main(['play-bag', str(bag), '--topics', '/infrastructure/features']) == 1
    assert 'no messages on /infrastructure/features; it has' in capsys.readouterr().err
    assert main(['play-bag', str(bag), '--rate', '-1']) == 1
    assert 'rate is -1.0; expected a positive number' in capsys.readouterr().err
    assert main(['play-bag', str(bag), '--remap', '/a=/b']) == 1
    assert 'not of the form OLD:=NEW' in capsys.readouterr().err


def test_remappings():
    assert parse_remappings(['/a:=/b', '/c/d:=/e']) == {'/a': '/b', '/c/d': '/e'}
