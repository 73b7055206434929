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

"""The nodes live through a bag that is looped, and that somebody jumps about in."""

from collections import Counter
from contextlib import ExitStack, closing
import threading

from nodes.world import wait_for
import pytest
from rclpy.qos import QoSProfile
from rclpy.time import Time

from emiff_msgs.msg import FusionStatus
from emiff_ros.bags.player import BagPlayer
from emiff_ros.demo.domain import isolated_domain
from emiff_ros.demo.processes import NodeProcess
from emiff_ros.demo.replay import spinning_listener

SLOW = 0.15
PATIENCE = 120.0


class Replay:
    """Both nodes, a player and all results in the order of their arrival."""

    def __init__(self, listener, running, player):
        self.listener, self.running, self.player = listener, running, player
        self.results = []
        listener.create_subscription(
            FusionStatus, '/vehicle/fusion_status', self._on_status, QoSProfile(depth=100)
        )

    def _on_status(self, message):
        self.results.append((Time.from_msg(message.header.stamp).nanoseconds, message.mode))

    def start(self):
        self.thread = threading.Thread(target=self.player.play)
        self.thread.start()

    def wait(self, condition):
        wait_for(condition, PATIENCE)
        assert all(process.is_running for process in self.running)

    def times_fused(self, since=0):
        """Return how often each stamp was fused."""
        results = self.results[since:]
        return Counter(stamp for stamp, mode in results if mode == FusionStatus.FUSED)

    def counters(self, node, task):
        return {
            name: int(value) for name, value in self.listener.diagnostics(node, task, 20.0).items()
        }


@pytest.fixture
def replay(bag, processes, tmp_path, request):
    with ExitStack() as stack:
        variables = stack.enter_context(isolated_domain())
        listener = stack.enter_context(spinning_listener())
        running = [
            stack.enter_context(
                NodeProcess(process, tmp_path / f'{process.executable}.log', variables)
            )
            for process in processes
        ]
        for process in running:
            process.wait_until_active(listener)
        options = {'rate': SLOW, 'clock_frequency': 40.0, **request.param}
        player = stack.enter_context(closing(BagPlayer(listener, bag, **options)))
        replay = Replay(listener, running, player)
        images = [process.topic('input/image') for process in processes]
        assert not player.wait_for_subscribers(images, PATIENCE)
        replay.start()
        yield replay
        player.stop()
        replay.thread.join(PATIENCE)


@pytest.fixture
def stamps(folder):
    return sorted(frame.image_stamp for frame in folder.vehicle_frames.values())


@pytest.mark.parametrize('replay', [{'loop': True, 'rate': 0.25}], indirect=True)
def test_every_round_of_a_loop_is_fused(replay, stamps):
    nodes = ('/infrastructure/infrastructure_node', '/vehicle/vehicle_node')
    replay.wait(replay.times_fused)
    # The first images may come before DDS has brought their calibration.
    refused = {node: replay.counters(node, 'images')['refused'] for node in nodes}
    replay.wait(lambda: sum(n >= 3 for n in replay.times_fused().values()) >= len(stamps) // 2)
    replay.player.stop()
    replay.thread.join(PATIENCE)
    for node in nodes:
        images = replay.counters(node, 'images')
        assert images['refused'] == refused[node]
        assert images['received'] > 2 * len(stamps)
    features = replay.counters('/vehicle/vehicle_node', 'stations')
    settled = ('fused', 'superseded', 'expired', 'refused', 'cached')
    assert features['received'] == sum(features[name] for name in settled)
    assert features['refused'] == 0


@pytest.mark.parametrize('replay', [{'tail': 10_000.0}], indirect=True)
def test_jumps_back_and_forth_are_survived(replay, stamps):
    early, late = stamps[:3], stamps[-2:]

    def fused(since, wanted):
        return sum(replay.times_fused(since)[stamp] for stamp in wanted)

    replay.wait(lambda: fused(0, late))
    at_the_end = len(replay.results)
    replay.player.seek(0.0)
    replay.wait(lambda: fused(at_the_end, early))
    at_the_start = len(replay.results)
    replay.player.seek((late[0] - replay.player.start) / 1e9 - 0.06)
    replay.wait(lambda: fused(at_the_start, late))
    at_the_end = len(replay.results)
    replay.player.pause()
    replay.player.seek(0.0)
    replay.player.resume()
    replay.wait(lambda: fused(at_the_end, early))
    assert replay.counters('/vehicle/vehicle_node', 'stations')['refused'] == 0
