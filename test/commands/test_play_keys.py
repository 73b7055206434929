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

"""Keys of a replay, on a real pseudo-terminal."""

import os
import termios

from dair.dair_folder import write_dair_folder
import pytest

pytest.importorskip('rclpy')
pytest.importorskip('emiff_msgs.msg')

import rclpy
from rclpy.context import Context

from emiff_ros.bags.player import BagPlayer
from emiff_ros.commands.play_keys import keys_control, press
from emiff_ros.dair.bag_writer import write_bag
from emiff_ros.dair.reader import DairFolder

LEFT, RIGHT = b'\x1b[D', b'\x1b[C'


@pytest.fixture
def player(tmp_path, monkeypatch):
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    write_bag(DairFolder(write_dair_folder(tmp_path)), tmp_path / 'bag')
    context = Context()
    rclpy.init(context=context, domain_id=101)
    node = rclpy.create_node('player', context=context)
    yield BagPlayer(node, tmp_path / 'bag', topics=['/tf'], rate=20.0)
    node.destroy_node()
    rclpy.shutdown(context=context)


@pytest.fixture
def terminal():
    keyboard, screen = os.openpty()
    with open(keyboard, 'wb', buffering=0) as pressed, open(screen) as read:
        yield pressed, read


def test_space_pauses_and_goes_on_and_other_keys_do_nothing(player):
    press(player, b' ')
    assert player.paused
    press(player, b'q')
    assert player.paused
    press(player, b' ')
    assert not player.paused


def test_arrows_jump_and_stay_inside_the_bag(player):
    press(player, RIGHT)
    report = player.play()
    assert report.jumps == 1 and report.messages == {}
    press(player, LEFT)
    report = player.play()
    assert report.jumps == 1 and report.messages['/tf'] == 4


def test_keys_of_a_terminal_reach_the_player_and_its_mode_is_restored(player, terminal):
    pressed, read = terminal
    before = termios.tcgetattr(read)
    player.pause()
    with keys_control(player, read):
        assert not termios.tcgetattr(read)[3] & termios.ICANON
        pressed.write(b' ')
        report = player.play()
    assert report.rounds == 1 and not player.paused
    assert termios.tcgetattr(read) == before


def test_without_a_terminal_nothing_happens(player, tmp_path):
    (tmp_path / 'input').write_text(' ')
    with (tmp_path / 'input').open() as no_terminal, keys_control(player, no_terminal):
        assert player.play().rounds == 1
    assert not player.paused
