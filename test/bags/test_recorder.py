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

"""Recording what arrives, byte for byte."""

from bags.samples import is_untouched
from dair.dair_folder import write_dair_folder
import pytest

pytest.importorskip('rclpy')
pytest.importorskip('emiff_msgs.msg')

import time

from builtin_interfaces.msg import Time
from dds.open_node import open_node, spun
from nodes.world import wait_for
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rosgraph_msgs.msg import Clock
from std_msgs.msg import String

from emiff_msgs.msg import FusionStatus, StationStatus
from emiff_ros.bags.errors import BagError
from emiff_ros.bags.message_types import make_typestore
from emiff_ros.bags.player import BagPlayer
from emiff_ros.bags.player_topics import message_class
from emiff_ros.bags.reader import bag_topics, open_bag
from emiff_ros.bags.recorder import BagRecorder
from emiff_ros.dair.bag_writer import write_bag
from emiff_ros.dair.reader import DairFolder

RESULT = FusionStatus(processing_time=0.25, stations=[StationStatus(station_id='pole', fused=7)])


@pytest.fixture
def node():
    with open_node('recording') as node, spun(node):
        yield node


def messages(path):
    with open_bag(path) as reader:
        return [(item.topic, bytes(data)) for item, _, data in reader.messages()]


def test_a_played_bag_is_recorded_as_it_was(node, tmp_path):
    write_bag(DairFolder(write_dair_folder(tmp_path)), tmp_path / 'bag')
    topics = list(bag_topics(tmp_path / 'bag'))
    player = BagPlayer(node, tmp_path / 'bag', rate=10.0)
    with BagRecorder(node, tmp_path / 'copy', topics) as recorder:
        assert not player.wait_for_subscribers(timeout=20.0)
        sent = player.play().messages
        wait_for(lambda: recorder.messages == sent, 20.0)
    player.close()
    copied, sent = sorted(messages(tmp_path / 'copy')), sorted(messages(tmp_path / 'bag'))
    assert [topic for topic, _ in copied] == [topic for topic, _ in sent]
    assert all(is_untouched(copy, data) for (_, copy), (_, data) in zip(copied, sent, strict=True))


def test_a_result_with_parts_can_be_read_back(node, tmp_path):
    publisher = node.create_publisher(FusionStatus, 'fusion_status', 10)
    with BagRecorder(node, tmp_path / 'bag', ['/fusion_status', '/nothing']) as recorder:
        wait_for(publisher.get_subscription_count, 20.0)
        publisher.publish(RESULT)
        wait_for(lambda: recorder.messages['/fusion_status'], 20.0)
        assert recorder.missing == ['/nothing']
    store = make_typestore(
        [f'emiff_msgs/msg/{name}' for name in ('StationStatus', 'FusionStatus')]
    )
    ((topic, data),) = messages(tmp_path / 'bag')
    read = store.deserialize_cdr(data, 'emiff_msgs/msg/FusionStatus')
    assert topic == '/fusion_status'
    assert read.processing_time == 0.25
    assert (read.stations[0].station_id, read.stations[0].fused) == ('pole', 7)


def test_best_effort_and_latched_publishers_are_heard(node, tmp_path):
    best_effort = node.create_publisher(
        String, 'a', QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    )
    latched = node.create_publisher(
        String, 'b', QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    )
    latched.publish(String(data='before'))
    with BagRecorder(node, tmp_path / 'bag', ['/a', '/b']) as recorder:
        wait_for(best_effort.get_subscription_count, 20.0)
        wait_for(lambda: best_effort.publish(String()) or recorder.messages['/a'], 20.0)
        wait_for(lambda: recorder.messages['/b'], 20.0)


def test_what_comes_before_the_simulated_time_gets_its_first_moment(node, tmp_path):
    node.set_parameters([Parameter('use_sim_time', value=True)])
    publisher = node.create_publisher(String, 'a', 10)
    clock = node.create_publisher(Clock, '/clock', 10)
    with BagRecorder(node, tmp_path / 'bag', ['/a']) as recorder:
        wait_for(publisher.get_subscription_count, 20.0)
        publisher.publish(String(data='early'))
        wait_for(lambda: recorder.waiting, 20.0)
        now = Clock(clock=Time(sec=5))
        wait_for(lambda: clock.publish(now) or node.get_clock().now().nanoseconds, 20.0)
        publisher.publish(String(data='later'))
        wait_for(lambda: recorder.messages['/a'] == 2, 20.0)
    with open_bag(tmp_path / 'bag') as reader:
        assert [stamp for _, stamp, _ in reader.messages()] == [5 * 10**9] * 2


def test_without_a_simulated_time_the_last_messages_get_the_time_of_the_system(
    node, tmp_path, monkeypatch
):
    monkeypatch.setattr('emiff_ros.bags.recorder.WAITING', 2)
    node.set_parameters([Parameter('use_sim_time', value=True)])
    publisher = node.create_publisher(String, 'a', 10)
    begin = time.time_ns()
    with BagRecorder(node, tmp_path / 'bag', ['/a']) as recorder:
        wait_for(publisher.get_subscription_count, 20.0)
        for number in range(5):
            publisher.publish(String(data=str(number)))
        wait_for(lambda: recorder.dropped == 3, 20.0)
    assert recorder.messages == {'/a': 2}
    with open_bag(tmp_path / 'bag') as reader:
        stamps = [stamp for _, stamp, _ in reader.messages()]
    assert all(begin < stamp < time.time_ns() for stamp in stamps)


def test_a_relative_name_is_recorded_as_the_topic_that_it_means(node, tmp_path):
    publisher = node.create_publisher(String, '/a', 10)
    with BagRecorder(node, tmp_path / 'bag', ['a', '/a', 'not/there']) as recorder:
        wait_for(publisher.get_subscription_count, 20.0)
        publisher.publish(String())
        wait_for(lambda: recorder.messages['/a'], 20.0)
        assert recorder.missing == ['/not/there']
    assert [topic for topic, _ in messages(tmp_path / 'bag')] == ['/a']


def test_an_unknown_type_is_skipped_with_its_reason(node, tmp_path, monkeypatch):
    def not_installed(name):
        raise ModuleNotFoundError(f'No module named {name!r}')

    monkeypatch.setattr('emiff_ros.bags.recorder.message_class', not_installed)
    node.create_publisher(String, 'a', 10)
    with BagRecorder(node, tmp_path / 'bag', ['/a']) as recorder:
        wait_for(lambda: recorder.skipped, 20.0)
    assert 'std_msgs/msg/String is not installed' in recorder.skipped['/a']
    assert message_class('std_msgs/msg/String') is String


def test_a_type_whose_definition_is_broken_is_skipped_with_its_reason(node, tmp_path, monkeypatch):
    (tmp_path / 'Broken.msg').write_text('uint8 [[[\n')
    monkeypatch.setattr(
        'emiff_ros.bags.message_types.definition_file', lambda _: tmp_path / 'Broken.msg'
    )
    node.create_publisher(FusionStatus, 'a', 10)
    with BagRecorder(node, tmp_path / 'bag', ['/a']) as recorder:
        wait_for(lambda: recorder.skipped, 20.0)
    assert 'emiff_msgs/msg/FusionStatus: its definition cannot' in recorder.skipped['/a']


def test_bad_arguments(node, tmp_path):
    with pytest.raises(ValueError, match='no topics to record'):
        BagRecorder(node, tmp_path / 'bag', [])
    with pytest.raises(ValueError, match="'bad//topic' is no name of a topic"):
        BagRecorder(node, tmp_path / 'bag', ['/a', 'bad//topic'])
    assert not (tmp_path / 'bag').exists()
    with pytest.raises(BagError, match='exists already'):
        BagRecorder(node, tmp_path, ['/a'])
