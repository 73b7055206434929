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

from contextlib import contextmanager
import fcntl
import os
import re
import signal
import struct
import subprocess
import sys
import termios

from dair.dair_folder import write_dair_folder
import pytest

from emiff_ros.dair.bag_writer import write_bag
from emiff_ros.dair.reader import DairFolder

pytest.importorskip('rclpy')
pytest.importorskip('emiff_msgs.msg')

from dds.open_node import open_node, spun
from nodes.world import wait_for
from rosgraph_msgs.msg import Clock

from emiff_ros.cli import main
from emiff_ros.commands.play import parse_remappings
from emiff_ros.demo.domain import isolated_domain


@pytest.fixture
def bag(tmp_path):
    write_bag(DairFolder(write_dair_folder(tmp_path)), tmp_path / 'bag')
    with isolated_domain():
        yield tmp_path / 'bag'


def test_plays_to_the_end(bag, capsys):
    options = ['--rate', '20', '--clock', '--topics', '/vehicle/odometry', '/tf_static']
    assert main(['play-bag', str(bag), *options, '--remap', '/vehicle/odometry:=/odom']) == 0
    assert '7 messages on 2 topics' in capsys.readouterr().out


def test_a_topic_to_remap_that_the_bag_lacks_is_named(bag, capsys):
    options = ['--rate', '20', '--topics', '/vehicle/odometry', '--remap']
    assert main(['play-bag', str(bag), *options, '/vehicle/odometry:=/a', 'odometry:=/b']) == 0
    printed = capsys.readouterr().out
    assert 'not remapped: odometry: the bag has no such topic' in printed
    assert printed.count('not remapped') == 1


def test_naming_topics_to_wait_for_is_enough_to_wait(bag, capsys, monkeypatch):
    monkeypatch.setattr('emiff_ros.commands.play.DEFAULT_WAIT', 0.1)
    options = ['--rate', '20', '--topics', '/vehicle/odometry', '--wait-for', '/vehicle/odometry']
    assert main(['play-bag', str(bag), *options]) == 0
    assert 'still without a subscriber: /vehicle/odometry' in capsys.readouterr().out
    assert main(['play-bag', str(bag), *options, '--wait-for-subscribers', '0']) == 0
    assert 'still without a subscriber' not in capsys.readouterr().out


def test_what_is_published_can_be_waited_for(bag, capsys):
    options = ['--rate', '20', '--topics', '/tf', '--clock', '--wait-for-subscribers', '0.1']
    topics = ['/clock', 'tf', '/vehicle/odometry']
    assert main(['play-bag', str(bag), *options, '--wait-for', *topics]) == 0
    printed = capsys.readouterr().out
    for topic in ('/clock', '/tf'):
        assert f'still without a subscriber: {topic}\n' in printed
    assert 'not waited for: /vehicle/odometry: it is not published' in printed
    assert printed.count('not waited for') == 1


def test_a_terminal_shows_how_far_it_is(bag):
    terminal, screen = os.openpty()
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack('4H', 40, 100, 0, 0))
    command = [sys.executable, '-m', 'emiff_ros', 'play-bag', str(bag), '--rate', '20']
    with os.fdopen(terminal, 'rb', buffering=0) as shown:
        with os.fdopen(screen, 'wb') as stderr:
            result = subprocess.run(command, stderr=stderr, stdout=subprocess.PIPE, timeout=120)
        bar = shown.read(4096).decode()
    assert result.returncode == 0, bar
    assert re.search(r'100%.*\| [0-9.]+/[0-9.]+ s', bar)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_replay_in_order(bag, number):
    command = [sys.executable, '-m', 'emiff_ros', 'play-bag', str(bag), '--rate', '0.001']
    ignore = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a shell does for background jobs
    try:
        process = subprocess.Popen([*command, '--clock'], stdout=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, ignore)
    with open_listener() as ticks:
        wait_for(lambda: ticks, 60.0)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60.0)
    assert process.returncode == 0
    assert 'messages on' in output


@contextmanager
def open_listener():
    """Collect what arrives on /clock inside the block."""
    ticks = []
    with open_node('listener') as node, spun(node):
        node.create_subscription(Clock, '/clock', ticks.append, 10)
        yield ticks


def test_errors_are_one_sentence(bag, capsys):
    assert main(['play-bag', str(bag), '--topics', '/infrastructure/features']) == 1
    assert 'no messages on /infrastructure/features; it has' in capsys.readouterr().err
    assert main(['play-bag', str(bag), '--rate', '-1']) == 1
    assert 'rate is -1.0; expected a positive number' in capsys.readouterr().err
    assert main(['play-bag', str(bag), '--wait-for-subscribers', 'nan']) == 1
    assert '--wait-for-subscribers is nan; expected 0 or more' in capsys.readouterr().err
    assert main(['play-bag', str(bag), '--wait-for', 'a b']) == 1
    assert "'a b' is no name of a topic" in capsys.readouterr().err
    assert main(['play-bag', str(bag), '--remap', '/a=/b']) == 1
    assert 'not of the form OLD:=NEW' in capsys.readouterr().err


def test_remappings():
    assert parse_remappings(['/a:=/b', '/c/d:=/e']) == {'/a': '/b', '/c/d': '/e'}
    with pytest.raises(ValueError, match="'b c' is no name of a topic"):
        parse_remappings(['/a:=b c'])
