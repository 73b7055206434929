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

"""Poses from TF, from topics, and from whichever there is."""

from geometry_msgs.msg import TransformStamped
from nodes.operator import Operator
from nodes.transform_tree import TF2_IS_INSTALLED, TransformTree, provide_tf2, stamped
from nodes.world import camera_from, wait_for
import numpy as np
import pytest
from rclpy.clock import ClockType
from rclpy.qos import QoSProfile
from rclpy.time import Time
from vision_msgs.msg import Detection3DArray

from emiff_msgs.msg import FeatureTensor, FusionStatus
from emiff_ros import bringup
from emiff_ros.demo.processes import NodeProcess
from emiff_ros.geometry import compose, invert_affine
from emiff_ros.nodes.parameters import ParameterError
from emiff_ros.nodes.pose_sources import TopicOrTf
from emiff_ros.nodes.refusal import Refusal
from emiff_ros.nodes.transforms import CACHE, TfExtrinsics, TfPose, Transforms, tf_is_wanted
from emiff_ros.transport.detection_message import boxes_from_message

STAMP = 1_700_000_000_250_000_000
VEHICLE = (1000.0, 2000.0, 20.0)


@pytest.fixture
def transforms(world, monkeypatch):
    provide_tf2(monkeypatch)
    opened = Transforms(world.node)
    yield opened
    opened.close()


def feed(transforms, *messages, static=False):
    buffer = transforms._buffer
    for message in messages:
        (buffer.set_transform_static if static else buffer.set_transform)(message, 'test')


def moving(stamp, position=VEHICLE):
    affine = np.hstack([np.eye(3), np.reshape(position, (3, 1))])
    return stamped('map', 'vehicle', affine, Time(nanoseconds=stamp).to_msg())


def test_the_vehicle_is_where_tf_says(transforms):
    source = TfPose(transforms, 'map', 'vehicle')
    feed(transforms, moving(STAMP))
    pose = source.at(STAMP)
    assert (pose.map_frame, pose.vehicle_frame, pose.stamp) == ('map', 'vehicle', STAMP)
    assert pose.map_from_vehicle == pytest.approx(
        np.hstack([np.eye(3), np.reshape(VEHICLE, (3, 1))])
    )


def test_the_camera_is_where_tf_says(transforms):
    camera_from_map = camera_from((1050.0, 2008.0, 26.0), np.pi, 0.2)
    feed(transforms, stamped('map', 'pole', invert_affine(camera_from_map)), static=True)
    extrinsics = TfExtrinsics(transforms, 'map', lambda: 'pole').at(STAMP)
    assert extrinsics.camera_from_reference == pytest.approx(camera_from_map, abs=1e-6)
    assert (extrinsics.camera_frame, extrinsics.reference_frame) == ('pole', 'map')


def test_a_chain_of_frames_is_followed(transforms):
    camera_from_vehicle = camera_from((0.5, 0.0, 1.0), 0.3, 0.1)
    feed(transforms, stamped('vehicle', 'eye', invert_affine(camera_from_vehicle)), static=True)
    feed(transforms, moving(STAMP))
    found = TfExtrinsics(transforms, 'map', lambda: 'eye').at(STAMP).camera_from_reference
    vehicle_from_map = invert_affine(np.hstack([np.eye(3), np.reshape(VEHICLE, (3, 1))]))
    assert found == pytest.approx(compose(camera_from_vehicle, vehicle_from_map), abs=1e-6)


def test_what_tf_does_not_know_is_refused_by_name(transforms):
    with pytest.raises(Refusal, match="TF has no 'vehicle' in 'map'") as refusal:
        TfPose(transforms, 'map', 'vehicle').at(STAMP, timeout=0.05)
    assert refusal.value.cause == 'no_transform'
    with pytest.raises(Refusal, match='camera_frame is empty') as refusal:
        TfExtrinsics(transforms, 'map', lambda: '').at(STAMP)
    assert refusal.value.cause == 'no_camera_frame'


def test_a_transform_that_is_no_pose_is_refused(transforms):
    class Broken:
        def lookup_transform(self, *_, **__):
            broken = TransformStamped()
            broken.transform.rotation.w = 0.0
            return broken

    transforms._buffer = Broken()
    with pytest.raises(Refusal, match='unit quaternion') as refusal:
        TfPose(transforms, 'map', 'vehicle').at(STAMP)
    assert refusal.value.cause == 'no_transform'


def test_a_bag_that_is_played_again_is_not_kept_out(transforms):
    source = TfPose(transforms, 'map', 'vehicle')
    feed(transforms, moving(STAMP + CACHE + 10**9))
    source.at(STAMP + CACHE + 10**9)
    with pytest.raises(Refusal):
        source.at(STAMP)
    feed(transforms, moving(STAMP, (1.0, 2.0, 3.0)))
    assert source.at(STAMP).position.tolist() == [1.0, 2.0, 3.0]


def test_a_clock_that_jumps_back_empties_tf_once(world, transforms):
    clock = world.node.get_clock()
    clock._set_ros_time_is_active(True)
    late = STAMP + CACHE + 10**9
    clock.set_ros_time_override(Time(nanoseconds=late, clock_type=ClockType.ROS_TIME))
    source = TfPose(transforms, 'map', 'vehicle')
    feed(transforms, moving(late))
    source.at(late)
    clock.set_ros_time_override(Time(nanoseconds=STAMP, clock_type=ClockType.ROS_TIME))
    feed(transforms, moving(STAMP, (1.0, 2.0, 3.0)))
    assert source.at(STAMP).position.tolist() == [1.0, 2.0, 3.0]
    with pytest.raises(Refusal):
        source.at(late)


class Named:
    def __init__(self, name, is_empty=True):
        self.name, self.is_empty = name, is_empty

    def at(self, stamp, timeout=0.0):
        return self.name


def test_a_topic_goes_before_tf():
    topic, published = Named('odometry'), [False]
    source = TopicOrTf(topic, Named('tf'), lambda: published[0])
    assert (source.at(1), source.name, source.uses_topic) == ('tf', 'tf', False)
    published[0] = True
    assert (source.at(1), source.name, source.uses_topic) == ('odometry', 'odometry', True)
    published[0], topic.is_empty = False, False
    assert source.at(1) == 'odometry'


@pytest.mark.skipif(TF2_IS_INSTALLED, reason='tf2_ros is installed')
def test_without_tf2_only_an_explicit_wish_fails():
    assert not tf_is_wanted('auto', 'calibration')
    with pytest.raises(ParameterError, match='tf2_ros is not installed: install ros-'):
        tf_is_wanted('odometry', 'tf')


def test_with_tf2_it_is_used_where_it_is_wanted(monkeypatch):
    provide_tf2(monkeypatch)
    assert tf_is_wanted('auto', 'calibration')
    assert tf_is_wanted('tf')
    assert not tf_is_wanted('odometry', 'calibration')


@pytest.mark.skipif(TF2_IS_INSTALLED, reason='tf2_ros is installed')
def test_a_node_says_that_tf2_is_missing(world, start):
    process = start('vehicle', wait=False, pose_source='tf')
    wait_for(lambda: not process.is_running, 180)
    assert 'tf2_ros is not installed' in process.log_tail()
    assert 'Traceback' not in process.log_tail(100)


def test_a_run_on_tf_equals_one_on_odometry(world, start, tiny_model, tmp_path, monkeypatch):
    provide_tf2(monkeypatch)
    tree = TransformTree(world)
    features, twin_detections, twin_statuses = {}, {}, {}

    def keep(store):
        return lambda message: store.__setitem__(
            Time.from_msg(message.header.stamp).nanoseconds, message
        )

    listen = world.node.create_subscription
    listen(FeatureTensor, '/infrastructure/features', keep(features), QoSProfile(depth=50))
    listen(Detection3DArray, '/twin/detections', keep(twin_detections), QoSProfile(depth=50))
    listen(FusionStatus, '/twin/fusion_status', keep(twin_statuses), QoSProfile(depth=50))

    start('infrastructure', pose_source='tf')
    start('vehicle', pose_source='odometry', calibration_source='calibration')
    shared = {
        'input/image': '/vehicle/camera/image/compressed',
        'input/camera_info': '/vehicle/camera/camera_info',
    }
    common = {'model': str(tiny_model), 'device': 'cpu', 'threads': 1, 'pose_timeout': 0.5}
    twin = bringup.vehicle('twin', shared, pose_source='tf', calibration_source='auto', **common)
    with NodeProcess(twin, tmp_path / 'twin.log') as process:
        process.wait_until_active(world.listener)
        operator = Operator(world, twin.fully_qualified_name)

        def publish(with_tf=True):
            stamp = world.now()
            if with_tf:
                tree.publish(stamp.to_msg(), VEHICLE)
            world.publish_station()
            world.publish_odometry(stamp.to_msg())
            world.vehicle.publish(stamp.to_msg())
            return stamp.nanoseconds

        def fused_alike():
            stamp = publish()
            wait_for(lambda: stamp in twin_detections, 2.0, required=False)
            return _fused_of_the_same(world.listener.statuses, twin_statuses)

        wait_for(fused_alike, 120)
        for stamp in _fused_of_the_same(world.listener.statuses, twin_statuses):
            wait_for(lambda: stamp in world.listener.detections, 20)  # noqa: B023
            boxes, scores, _ = boxes_from_message(twin_detections[stamp])
            expected = world.listener.detections[stamp]
            assert boxes == pytest.approx(expected.boxes, abs=1e-4)
            assert scores == pytest.approx(expected.scores, abs=1e-5)
        camera_from_map = np.reshape(world.station.calibration.camera_from_reference, (3, 4))
        message = next(iter(features.values()))
        assert np.reshape(message.camera_from_map, (3, 4)) == pytest.approx(
            camera_from_map, abs=1e-6
        )
        _, values = operator.wait_for('pose', 'OK')
        assert values['source'] == 'tf'

        def tf_is_missed():
            publish(with_tf=False)
            task = operator.wait_for('pose', 'ERROR', 'TF has no', required=False, timeout=2.0)
            return task is not None and int(task[1]['failed.no_transform']) > 0

        wait_for(tf_is_missed, 60)

        def tf_is_back():
            publish()
            return operator.wait_for('pose', 'OK', required=False, timeout=2.0) is not None

        wait_for(tf_is_back, 60)


def _fused_of_the_same(statuses, twins):
    """Return the stamps of images that both vehicles fused with the same feature."""

    def used(status):
        return {
            (entry.station_id, entry.feature_stamp.sec, entry.feature_stamp.nanosec)
            for entry in status.stations
            if entry.state == entry.USED
        }

    return [
        stamp
        for stamp in statuses.keys() & twins.keys()
        if used(statuses[stamp]) and used(statuses[stamp]) == used(twins[stamp])
    ]
