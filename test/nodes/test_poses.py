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

import threading

from nav_msgs.msg import Odometry
import numpy as np
import pytest

from emiff_ros.nodes.poses import PoseBuffer
from emiff_ros.nodes.refusal import Refusal
from emiff_ros.stamps import SECOND


def odometry(seconds, x=0.0, yaw=0.0):
    message = Odometry()
    message.header.frame_id, message.child_frame_id = 'map', 'vehicle'
    message.header.stamp.sec = int(seconds)
    message.header.stamp.nanosec = round((seconds % 1) * 1e9)
    message.pose.pose.position.x = x
    message.pose.pose.orientation.z = np.sin(yaw / 2)
    message.pose.pose.orientation.w = np.cos(yaw / 2)
    return message


def test_an_exact_stamp_gives_the_pose_itself():
    buffer = PoseBuffer(max_gap=0.2)
    buffer.add(odometry(5.0, x=7.0, yaw=0.3))
    pose = buffer.at(5 * SECOND)
    assert pose.map_from_vehicle[:, 3].tolist() == [7.0, 0.0, 0.0]
    assert np.arctan2(pose.map_from_vehicle[1, 0], pose.map_from_vehicle[0, 0]) == pytest.approx(
        0.3
    )


def test_between_two_poses_it_interpolates_position_and_heading():
    buffer = PoseBuffer(max_gap=0.2)
    buffer.add(odometry(5.1, x=2.0, yaw=-3.0))
    buffer.add(odometry(5.0, x=1.0, yaw=3.0))
    pose = buffer.at(5 * SECOND + SECOND // 20)
    assert pose.position[0] == pytest.approx(1.5)
    assert pose.map_from_vehicle[0, 0] == pytest.approx(-1.0)


def test_it_does_not_interpolate_over_a_gap():
    buffer = PoseBuffer(max_gap=0.2)
    buffer.add(odometry(5.0))
    buffer.add(odometry(6.0))
    with pytest.raises(Refusal, match='nearest pose is 500 ms away'):
        buffer.at(5 * SECOND + SECOND // 2)


@pytest.mark.parametrize(
    'rename',
    [
        lambda message: setattr(message.header, 'frame_id', 'odom'),
        lambda message: setattr(message, 'child_frame_id', 'trailer'),
    ],
)
def test_it_does_not_interpolate_between_frames(rename):
    buffer = PoseBuffer(max_gap=0.2)
    other = odometry(5.1, x=1000.0)
    rename(other)
    buffer.add(odometry(5.0))
    buffer.add(other)
    with pytest.raises(Refusal, match='expected one publisher with the same frames') as refusal:
        buffer.at(5 * SECOND + SECOND // 20)
    assert refusal.value.cause == 'frame_mismatch'
    assert buffer.at(5 * SECOND).map_frame == 'map'


def test_it_waits_for_a_pose_that_arrives_after_the_image():
    buffer = PoseBuffer(max_gap=0.2)
    found = []
    waiting = threading.Thread(target=lambda: found.append(buffer.at(5 * SECOND, timeout=30.0)))
    waiting.start()
    buffer.add(odometry(5.0, x=3.0))
    waiting.join(30.0)
    assert found[0].position[0] == 3.0


def test_without_odometry_it_says_so():
    with pytest.raises(Refusal, match='no odometry has arrived') as refusal:
        PoseBuffer(max_gap=0.2).at(SECOND)
    assert refusal.value.cause == 'no_pose'


def test_an_earlier_bag_begins_anew():
    buffer = PoseBuffer(max_gap=0.2)
    buffer.add(odometry(100.0, x=1.0))
    buffer.add(odometry(5.0, x=2.0))
    with pytest.raises(Refusal):
        buffer.at(100 * SECOND)
    assert buffer.at(5 * SECOND).position[0] == 2.0


def test_a_simulator_that_is_reset_to_a_moment_ago_begins_anew():
    buffer = PoseBuffer(max_gap=0.2)
    for seconds in (5.0, 5.1, 7.0):
        buffer.add(odometry(seconds, x=1.0))
    buffer.add(odometry(5.06, x=2.0))
    with pytest.raises(Refusal, match='no pose'):
        buffer.at(round(5.05 * SECOND))
    assert buffer.at(round(5.06 * SECOND)).position[0] == 2.0


def test_odometry_that_is_overtaken_is_put_in_its_place():
    buffer = PoseBuffer(max_gap=1.0)
    buffer.add(odometry(6.0, x=6.0))
    buffer.add(odometry(5.1, x=5.1))
    assert buffer.at(round(5.5 * SECOND)).position[0] == pytest.approx(5.5)


def test_a_looped_bag_of_more_poses_than_are_kept_begins_anew():
    buffer = PoseBuffer(max_gap=0.2, capacity=3)
    for seconds in (5.0, 5.1, 5.2, 5.3, 5.4):
        buffer.add(odometry(seconds, x=seconds))
    for seconds in (5.0, 5.1):
        buffer.add(odometry(seconds, x=seconds))
        assert buffer.at(round(seconds * SECOND)).position[0] == seconds


@pytest.mark.parametrize(
    'spoil',
    [
        lambda message: setattr(message.pose.pose.position, 'x', float('nan')),
        lambda message: setattr(message.pose.pose.orientation, 'w', 0.0),
        lambda message: setattr(message.header.stamp, 'sec', 0),
        lambda message: setattr(message.header.stamp, 'sec', -5),
    ],
)
def test_refuses_bad_odometry(spoil):
    message = odometry(5.0)
    spoil(message)
    with pytest.raises(Refusal, match='unit quaternion') as refusal:
        PoseBuffer(max_gap=0.2).add(message)
    assert refusal.value.cause == 'bad_odometry'
