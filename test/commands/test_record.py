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

"""The verb record-bag, in a process of its own: it ends by a signal."""

from contextlib import contextmanager
import signal
import subprocess
import sys
import threading

import pytest

pytest.importorskip('rclpy')
pytest.importorskip('emiff_msgs.msg')

from dds.open_node import open_node
from nodes.world import wait_for
from std_msgs.msg import String

from emiff_ros.bags.reader import bag_topics

START = 60.0


@pytest.fixture
def publisher():
    """Publish strings on /a."""
    with open_node('publisher') as node:
        yield node.create_publisher(String, '/a', 10)


@contextmanager
def recording(*arguments):
    """Run the verb inside the block, interrupt it then and append what it printed."""
    printed = []
    process = subprocess.Popen(
        [sys.executable, '-m', 'emiff_ros', 'record-bag', *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield printed
        process.send_signal(signal.SIGINT)
        printed.append(process.communicate(timeout=START)[0])
        assert process.returncode == 0
    finally:
        process.kill()
        process.wait()


@contextmanager
def published_without_pause(publisher, message):
    """Publish a message again and again inside the block."""
    ended = threading.Event()

    def publish():
        while not ended.is_set():
            publisher.publish(message)

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_an_interruption_leaves_a_whole_bag(publisher, tmp_path):
    bag = tmp_path / 'bag'

    def is_written():
        return any(file.stat().st_size > 10_000_000 for file in bag.glob('*.mcap'))

    message = String(data='x' * 500_000)
    with (
        published_without_pause(publisher, message),
        recording(bag, 'a', '/b') as printed,
    ):
        wait_for(is_written, START)
    messages = bag_topics(bag)['/a'].messages
    assert messages >= 20
    assert f'{messages} messages on 1 topics' in printed[0]
    assert 'not recorded: /b: nobody published it' in printed[0]
    assert 'simulated' not in printed[0]


def test_says_that_no_simulated_time_came(publisher, tmp_path):
    with recording(tmp_path / 'bag', '/a', '--use-sim-time') as printed:
        wait_for(publisher.get_subscription_count, START)
    assert 'no simulated time came' in printed[0]
    assert 'is somebody publishing /clock?' in printed[0]
