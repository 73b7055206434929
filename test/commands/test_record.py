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

"""The verb record-bag."""

from contextlib import contextmanager
import os
import signal
from threading import Thread

import pytest

pytest.importorskip('rclpy')
pytest.importorskip('emiff_msgs.msg')

from nodes.world import wait_for
import rclpy
from rclpy.context import Context
from std_msgs.msg import String

from emiff_ros.bags.reader import bag_topics
from emiff_ros.bags.recorder import BagRecorder
from emiff_ros.cli import main
from emiff_ros.commands import record
from emiff_ros.demo.domain import isolated_domain


@pytest.fixture
def recorders(monkeypatch):
    """Collect the recorders that the verb makes."""
    made = []

    def make(*arguments):
        made.append(BagRecorder(*arguments))
        return made[-1]

    monkeypatch.setattr(record, 'BagRecorder', make)
    before = signal.getsignal(signal.SIGINT)
    with isolated_domain():
        yield made
    signal.signal(signal.SIGINT, before)


@contextmanager
def publishing_until(condition):
    """Publish on /a in a thread until a condition holds, and send SIGINT then."""
    context = Context()
    rclpy.init(context=context)
    node = rclpy.create_node('publisher', context=context)
    publisher = node.create_publisher(String, '/a', 10)

    def publish():
        try:
            wait_for(lambda: publisher.publish(String()) or condition(), 30.0)
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    thread = Thread(target=publish)
    thread.start()
    try:
        yield
    finally:
        thread.join()
        node.destroy_node()
        context.try_shutdown()


def test_records_until_it_is_interrupted(recorders, tmp_path, capfd):
    with publishing_until(lambda: recorders and recorders[0].messages['/a']):
        assert main(['record-bag', str(tmp_path / 'bag'), 'a', '/b']) == 0
    printed = capfd.readouterr().out
    assert f'{bag_topics(tmp_path / "bag")["/a"].messages} messages on 1 topics' in printed
    assert 'not recorded: /b: nobody published it' in printed
    assert 'simulated' not in printed


def test_says_that_no_simulated_time_came(recorders, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr('emiff_ros.bags.recorder.WAITING', 2)
    with publishing_until(lambda: recorders and recorders[0].dropped):
        assert main(['record-bag', str(tmp_path / 'bag'), '/a', '--use-sim-time']) == 0
    printed = capfd.readouterr().out
    assert '2 messages on 1 topics' in printed
    dropped = recorders[0].dropped
    assert f'not recorded: {dropped} messages from before the simulated time' in printed
    assert 'no simulated time came' in printed and 'is somebody publishing /clock?' in printed
