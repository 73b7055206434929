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
import signal
import subprocess
import sys
import termios

from dair.dair_folder import write_dair_folder
import pytest

pytest.importorskip('rclpy')
pytest.importorskip('emiff_msgs.msg')

from dds.open_node import open_node
from nodes.world import wait_for

from emiff_ros.bags.player import BagPlayer
from emiff_ros.commands.play_keys import keys_control, press
from emiff_ros.dair.bag_writer import write_bag
from emiff_ros.dair.reader import DairFolder
from emiff_ros.demo.domain import isolated_domain

LEFT, RIGHT = b'\x1b[D', b'\x1b[C'


@pytest.fixture
def bag(tmp_path):
    write_bag(DairFolder(write_dair_folder(tmp_path)), tmp_path / 'bag')
    with isolated_domain():
        yield tmp_path / 'bag'


@pytest.fixture
def player(bag):
    with open_node('player') as node:
        yield BagPlayer(node, bag, topics=['/tf'], rate=20.0)


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


def start_in_shell(script, bag, terminal, *options, shell=('bash',)):
    """Start a shell that the terminal belongs to; ``"$@"`` in its script plays the bag."""
    play = [sys.executable, '-m', 'emiff_ros', 'play-bag', str(bag), '--topics', '/tf', *options]
    return subprocess.Popen(
        ['setsid', '--ctty', '--wait', *shell, '-c', script, 'bash', *play],
        stdin=terminal,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_keys_of_a_terminal_reach_the_player_and_its_mode_is_restored(
    player, terminal, monkeypatch
):
    monkeypatch.setattr('emiff_ros.commands.play_keys._in_foreground', lambda _: True)
    pressed, read = terminal
    before = termios.tcgetattr(read)
    player.pause()
    with keys_control(player, read):
        assert not termios.tcgetattr(read)[3] & termios.ICANON
        pressed.write(b' ')
        report = player.play()
    assert report.rounds == 1 and not player.paused
    assert termios.tcgetattr(read) == before


def test_a_job_in_the_foreground_of_a_shell_hears_its_keys(bag, terminal):
    pressed, read = terminal
    shell = start_in_shell('"$@" && stty -a', bag, read, '--rate', '0.001')
    wait_for(lambda: not termios.tcgetattr(read)[3] & termios.ICANON, 60.0)
    pressed.write(RIGHT)
    output, _ = shell.communicate(timeout=60.0)
    assert shell.returncode == 0
    assert 'messages on' in output and ' icanon' in output


def test_a_background_job_leaves_the_terminal_alone_and_is_not_stopped(bag, terminal):
    _, read = terminal
    script = 'set -m; "$@" & wait $!; state=$?; kill -KILL $! 2> /dev/null; exit $state'
    shell = start_in_shell(script, bag, read, '--rate', '20')
    output, _ = shell.communicate(timeout=60.0)
    assert shell.returncode != 128 + signal.SIGTTOU
    assert shell.returncode == 0 and 'messages on' in output


def test_a_job_that_is_sent_to_the_background_is_stopped_neither_by_keys_nor_at_its_end(
    bag, terminal
):
    pressed, read = terminal
    script = (
        '"$@"; echo stopped; bg > /dev/null; wait $!; state=$?; '
        'kill -KILL $! 2> /dev/null; exit $state'
    )
    interactive = ('bash', '--norc', '-i')
    shell = start_in_shell(script, bag, read, '--rate', '0.05', shell=interactive)
    wait_for(lambda: not termios.tcgetattr(read)[3] & termios.ICANON, 60.0)
    pressed.write(b'\x1a')
    assert shell.stdout.readline() == 'stopped\n'
    pressed.write(b' ')
    output, _ = shell.communicate(timeout=60.0)
    assert shell.returncode not in (128 + signal.SIGTTIN, 128 + signal.SIGTTOU)
    assert shell.returncode == 0 and 'messages on' in output


def test_the_terminal_of_another_session_is_left_alone(player, terminal):
    pressed, read = terminal
    before = termios.tcgetattr(read)
    pressed.write(b' ')
    with keys_control(player, read):
        assert termios.tcgetattr(read) == before
        assert player.play().rounds == 1


def test_without_a_terminal_nothing_happens(player, tmp_path):
    (tmp_path / 'input').write_text(' ')
    with (tmp_path / 'input').open() as no_terminal, keys_control(player, no_terminal):
        assert player.play().rounds == 1
    assert not player.paused
