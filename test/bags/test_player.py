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

"""The player over real DDS, in a domain of its own."""

from itertools import pairwise
import json
from threading import Event, Thread
import time

from bags.samples import is_untouched
from dair.dair_folder import write_dair_folder
import pytest
from rosbags.rosbag2 import Reader

from emiff_ros.bags.errors import BagError, MissingBagError, MissingTopicsError
from emiff_ros.dair.bag_topics import TOPIC_TYPES
from emiff_ros.dair.bag_writer import write_bag
from emiff_ros.dair.reader import DairFolder

rclpy = pytest.importorskip('rclpy')
pytest.importorskip('emiff_msgs.msg')

from dds.open_node import open_context, spun  # noqa: E402
from nav_msgs.msg import Odometry  # noqa: E402
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy  # noqa: E402
from rosgraph_msgs.msg import Clock  # noqa: E402
from sensor_msgs.msg import CompressedImage  # noqa: E402
from tf2_msgs.msg import TFMessage  # noqa: E402

from emiff_msgs.msg import CameraCalibration  # noqa: E402
from emiff_ros.bags import player_topics  # noqa: E402
from emiff_ros.bags.player import BagPlayer  # noqa: E402
from emiff_ros.bags.player_topics import read_qos_overrides  # noqa: E402
from emiff_ros.share import share_directory  # noqa: E402

IMAGE = '/vehicle/camera/image/compressed'
TIMEOUT = 20.0


class Listener:
    """A node that collects messages and lets a test wait for them."""

    def __init__(self, context):
        self.node = rclpy.create_node('listener', context=context)
        self.received = {}
        self.arrived = Event()

    def listen(self, message_type, topic, qos=10, raw=False):
        messages = self.received.setdefault(topic, [])

        def keep(message):
            messages.append(message)
            self.arrived.set()

        self.node.create_subscription(message_type, topic, keep, qos, raw=raw)
        return messages

    def wait(self, condition):
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            assert self.arrived.wait(deadline - time.monotonic()), 'nothing arrived in time'
            self.arrived.clear()


@pytest.fixture(scope='module')
def bag(tmp_path_factory):
    root = tmp_path_factory.mktemp('bag')
    write_bag(DairFolder(write_dair_folder(root)), root / 'bag')
    return root / 'bag'


@pytest.fixture
def context():
    with open_context() as context:
        yield context


@pytest.fixture
def listener(context):
    listener = Listener(context)
    with spun(listener.node):
        yield listener
    listener.node.destroy_node()


@pytest.fixture
def node(context):
    node = rclpy.create_node('player', context=context)
    yield node
    node.destroy_node()


def _nanoseconds(tick):
    return tick.clock.sec * 1_000_000_000 + tick.clock.nanosec


def recorded(bag, topic):
    with Reader(bag) as reader:
        connections = [item for item in reader.connections if item.topic == topic]
        return [bytes(data) for _, _, data in reader.messages(connections)]


def test_serialised_bytes_arrive_untouched(bag, node, listener):
    types = {
        IMAGE: CompressedImage,
        '/vehicle/odometry': Odometry,
        '/infrastructure/calibration': CameraCalibration,
    }
    received = {
        topic: listener.listen(message_type, topic, raw=True)
        for topic, message_type in types.items()
    }
    player = BagPlayer(node, bag, rate=10.0)
    assert player.skipped == {}
    assert not player.wait_for_subscribers(types, TIMEOUT)
    report = player.play()
    listener.wait(lambda: all(len(messages) == 4 for messages in received.values()))
    for topic, messages in received.items():
        for message, sent in zip(messages, recorded(bag, topic), strict=True):
            assert is_untouched(message, sent)
        assert report.messages[topic] == 4
    assert report.rounds == 1 and not report.stopped and report.clock_ticks == 0


def test_pace_follows_the_recording(bag, node):
    seen = []
    player = BagPlayer(
        node, bag, rate=2.0, progress=lambda position, _: seen.append((position, time.monotonic()))
    )
    report = player.play()
    first, last = seen[0], seen[-1]
    assert last[0] == pytest.approx((player.end - player.start) / 1e9)
    # Never early: each message waits for its time since the start, whatever happened before.
    early = [(p - first[0]) / 2.0 - (t - first[1]) for p, t in seen]
    assert max(early) < 0.02 + report.latest


def test_clock_runs_from_start_to_end(bag, node, listener):
    ticks = listener.listen(Clock, '/clock', qos=100)
    player = BagPlayer(node, bag, clock_frequency=100.0, rate=0.5, tail=0.1)
    assert not player.wait_for_subscribers(['/clock'], TIMEOUT)
    report = player.play()
    listener.wait(lambda: len(ticks) >= report.clock_ticks - 5)
    times = [_nanoseconds(tick) for tick in ticks]
    assert times == sorted(times)
    assert report.clock_ticks > 20
    assert player.start <= times[0] and player.end <= times[-1]
    assert times[-1] <= player.end + 0.1e9


def test_pause_stops_bag_time_and_resume_goes_on(bag, node, listener):
    ticks = listener.listen(Clock, '/clock', qos=100)
    images = listener.listen(CompressedImage, IMAGE)
    player = BagPlayer(node, bag, clock_frequency=100.0, rate=10.0)
    player.pause()
    assert not player.wait_for_subscribers([IMAGE], TIMEOUT)
    thread = Thread(target=player.play)
    thread.start()
    listener.wait(lambda: len(ticks) >= 5)
    assert len({(tick.clock.sec, tick.clock.nanosec) for tick in ticks}) == 1
    assert images == []
    player.resume()
    listener.wait(lambda: len(images) == 4)
    thread.join(TIMEOUT)
    assert not thread.is_alive()


def test_long_silences_are_cut(tmp_path, node, listener):
    root = write_dair_folder(tmp_path)
    for side in ('vehicle-side', 'infrastructure-side'):
        index = root / side / 'data_info.json'
        frames = json.loads(index.read_text())
        for frame in frames[2:]:
            frame['image_timestamp'] = str(int(frame['image_timestamp']) + 3600_000_000)
        index.write_text(json.dumps(frames))
    write_bag(DairFolder(root), tmp_path / 'gap')
    ticks = listener.listen(Clock, '/clock', qos=100)
    player = BagPlayer(
        node, tmp_path / 'gap', rate=2.0, longest_gap=0.15, clock_frequency=200.0, tail=0.02
    )
    assert player.end - player.start > 3600e9
    assert not player.wait_for_subscribers(['/clock'], TIMEOUT)
    report = player.play()
    assert report.messages[IMAGE] == 4 and report.rounds == 1
    listener.wait(lambda: ticks and _nanoseconds(ticks[-1]) >= player.end)
    steps = sorted(_nanoseconds(b) - _nanoseconds(a) for a, b in pairwise(ticks))
    assert steps[0] >= 0 and steps[-1] > 3599e9 and steps[-2] < 60e9


def test_loop_until_stopped(bag, node):
    count = 0

    def stop_in_the_third_round(position, _):
        nonlocal count
        count += position == 0.0
        if count == 3:
            player.stop()

    player = BagPlayer(
        node,
        bag,
        topics=['/infrastructure/calibration'],
        rate=50.0,
        loop=True,
        progress=stop_in_the_third_round,
    )
    report = player.play()
    assert report.stopped and report.rounds == 2
    assert report.messages == {'/infrastructure/calibration': 9}


def test_seeking_jumps_in_the_bag_and_on_the_clock(bag, node, listener):
    ticks = listener.listen(Clock, '/clock', qos=1000)
    jumps = {2: 0.0, 4: 0.25}  # messages seen: where to
    seen = []

    def jump(position, _):
        seen.append(position)
        if len(seen) in jumps:
            player.seek(jumps[len(seen)])

    player = BagPlayer(node, bag, topics=['/tf'], rate=2.0, clock_frequency=200.0, progress=jump)
    assert not player.wait_for_subscribers(['/clock'], TIMEOUT)
    assert player.position == 0.0
    report = player.play()
    assert report.jumps == 2 and report.rounds == 1 and not report.stopped
    listener.wait(lambda: len(ticks) == report.clock_ticks)
    steps = [_nanoseconds(b) - _nanoseconds(a) for a, b in pairwise(ticks)]
    assert min(steps) < 0
    assert seen[2:4] == seen[:2]
    assert len(seen) == 6 and seen[4] >= 0.25
    assert player.position == pytest.approx((player.end - player.start) / 1e9)


def test_a_paused_replay_stays_paused_where_it_is_sent(bag, node, listener):
    ticks = listener.listen(Clock, '/clock', qos=1000)
    player = BagPlayer(node, bag, topics=['/tf'], clock_frequency=100.0)
    player.pause()
    player.seek(0.2)
    thread = Thread(target=player.play)
    thread.start()
    place = player.start + 200_000_000
    listener.wait(lambda: sum(_nanoseconds(tick) == place for tick in ticks) >= 3)
    assert player.position == pytest.approx(0.2)
    player.resume()
    thread.join(TIMEOUT)
    assert not thread.is_alive()
    with pytest.raises(ValueError, match='position is 60 s; expected 0 to 0.4'):
        player.seek(60)


def test_a_replay_that_begins_later_has_the_latched_topics(bag, node, listener):
    qos = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    transforms = listener.listen(TFMessage, '/tf_static', qos)
    player = BagPlayer(node, bag, topics=['/tf_static', '/tf'], rate=50.0, start_offset=0.2)
    report = player.play()
    listener.wait(lambda: transforms and len(transforms[-1].transforms) == 2)
    assert report.messages['/tf'] < 4


def test_late_subscribers_get_the_static_transforms(bag, node, listener):
    player = BagPlayer(node, bag, topics=['/tf_static'], rate=50.0)
    player.play()
    qos = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    transforms = listener.listen(TFMessage, '/tf_static', qos)
    listener.wait(lambda: transforms and len(transforms[-1].transforms) == 2)
    assert {item.child_frame_id for item in transforms[-1].transforms} == {
        'vehicle/camera_optical',
        'infrastructure/camera_optical',
    }


def test_start_offset_topics_and_remapping(bag, node):
    player = BagPlayer(
        node,
        bag,
        topics=[IMAGE, '/vehicle/odometry'],
        remappings={IMAGE: '/other/image'},
        rate=50.0,
        start_offset=0.2,
        delay=0.01,
    )
    assert sorted(player.topics) == ['/other/image', '/vehicle/odometry']
    report = player.play()
    assert 0 < report.messages['/other/image'] < 4
    assert set(report.messages) == {'/other/image', '/vehicle/odometry'}


def test_two_topics_may_become_one_of_their_type(bag, node):
    player = BagPlayer(node, bag, remappings={'/tf': 'all', '/tf_static': '/all'})
    assert node.count_publishers('/all') == 2
    player.close()
    assert node.count_publishers('/all') == 0
    with pytest.raises(ValueError, match='/tf .*cannot be published on /vehicle/odometry, which'):
        BagPlayer(node, bag, remappings={'/tf': '/vehicle/odometry'})
    with pytest.raises(
        ValueError, match='/tf .*cannot be published on /clock, which has rosgraph'
    ):
        BagPlayer(node, bag, remappings={'/tf': 'clock'}, clock_frequency=40.0)


def test_qos_overrides(tmp_path, bag, node):
    path = tmp_path / 'qos.yaml'
    path.write_text(f'{IMAGE}:\n  reliability: best_effort\n  depth: 3\n')
    BagPlayer(node, bag, qos_overrides=read_qos_overrides(path))
    (info,) = node.get_publishers_info_by_topic(IMAGE)
    assert info.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    (info,) = node.get_publishers_info_by_topic('/vehicle/odometry')
    assert info.qos_profile.reliability == ReliabilityPolicy.RELIABLE


def test_the_shipped_qos_overrides_are_those_of_a_converted_bag(bag, node):
    overrides = read_qos_overrides(share_directory() / 'config' / 'bag' / 'qos_overrides.yaml')
    assert set(overrides) == set(TOPIC_TYPES)
    BagPlayer(node, bag, qos_overrides=overrides)
    for topic in TOPIC_TYPES:
        (info,) = node.get_publishers_info_by_topic(topic)
        assert info.qos_profile.reliability == ReliabilityPolicy.RELIABLE
        latched = info.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
        assert latched == (topic == '/tf_static')


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('[1, 2]', 'no mapping of topics'),
        ('/a: 5', 'expected policies'),
        (
            '/a: {reliability: sometimes}',
            'reliability: sometimes is unknown; choose .*best_effort',
        ),
        ('/a: {depth: 0}', 'depth: 0 is unknown; choose a positive depth'),
        ('/a: {depth: true}', 'depth: True is unknown; choose a positive depth'),
        ('/a: {depth: 2147483648}', 'depth: 2147483648 is unknown; choose a positive depth'),
        ('/a: {history: unknown}', 'history: unknown is unknown; choose .*keep_all'),
        ('{', 'not valid YAML'),
    ],
)
def test_qos_overrides_that_are_refused(tmp_path, content, message):
    path = tmp_path / 'qos.yaml'
    path.write_text(content)
    with pytest.raises(BagError, match=message):
        read_qos_overrides(path)
    with pytest.raises(BagError, match='cannot be opened'):
        read_qos_overrides(tmp_path / 'none.yaml')
    path.write_bytes(b'/a: \xff')
    with pytest.raises(BagError, match='qos.yaml: is not valid YAML .*utf-8'):
        read_qos_overrides(path)


def test_topics_recorded_with_another_definition_are_left_out(bag, node, monkeypatch, caplog):
    changed = {'emiff_msgs/msg/CameraCalibration': 'RIHS01_other'}
    monkeypatch.setattr(player_topics, 'installed_type_hash', changed.get)
    player = BagPlayer(node, bag)
    assert set(player.skipped) == {'/vehicle/calibration', '/infrastructure/calibration'}
    assert 'recorded with another definition' in player.skipped['/vehicle/calibration']
    assert '/vehicle/calibration is not played' in caplog.text
    assert '/vehicle/calibration' not in player.topics


def test_types_that_are_not_installed_are_left_out(bag, node, monkeypatch):
    def none_installed(type_name):
        raise ModuleNotFoundError(type_name)

    monkeypatch.setattr(player_topics, 'message_class', none_installed)
    with pytest.raises(
        BagError, match='nothing that can be played .*nav_msgs/msg/Odometry is not'
    ):
        BagPlayer(node, bag)


def test_named_errors(tmp_path, bag, node):
    with pytest.raises(
        MissingTopicsError, match='no messages on /infrastructure/features; it has'
    ):
        BagPlayer(node, bag, topics=['/infrastructure/features', IMAGE])
    with pytest.raises(MissingBagError, match='does not exist'):
        BagPlayer(node, tmp_path / 'none')
    with pytest.raises(ValueError, match='rate is 0'):
        BagPlayer(node, bag, rate=0)
    with pytest.raises(ValueError, match='longest_gap is 0'):
        BagPlayer(node, bag, longest_gap=0)
    with pytest.raises(ValueError, match='delay is -1'):
        BagPlayer(node, bag, delay=-1)
    with pytest.raises(ValueError, match='start_offset is 60 s; the bag lasts 0.4'):
        BagPlayer(node, bag, start_offset=60)
    with pytest.raises(ValueError, match=r"\['/tf2'\] are not played"):
        BagPlayer(node, bag).wait_for_subscribers(['/tf2'])
    assert BagPlayer(node, bag).wait_for_subscribers(['/tf'], timeout=0.05) == ['/tf']


def test_shutdown_of_the_context_ends_the_replay(bag, context, node):
    player = BagPlayer(node, bag, rate=0.001)
    reports = []
    thread = Thread(target=lambda: reports.append(player.play()))
    thread.start()
    rclpy.shutdown(context=context)
    thread.join(TIMEOUT)
    assert reports and reports[0].stopped
