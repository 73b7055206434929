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

"""Boxes survive the detection message: centre against bottom, yaw, and the order of the sizes."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st
from nav_msgs.msg import Odometry
import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header
from vision_msgs.msg import (
    BoundingBox3DArray,
    Detection3D,
    Detection3DArray,
    ObjectHypothesisWithPose,
)

from emiff_ros.geometry import box_corners, rotation_from_quaternion
from emiff_ros.transport.detection_message import (
    boxes_from_message,
    require_layout,
    serialize_detections,
)
from emiff_ros.transport.errors import DetectionError

BOXES = np.array(
    [
        [12.5, -3.25, -1.9, 4.6, 1.9, 1.55, 0.7],
        [80.0, 40.0, 3.0, 12.0, 2.5, 3.4, -2.9],
        [0.1, 0.2, 0.3, 0.8, 0.6, 1.8, math.pi / 2],
    ]
)
STAMP = 1_626_165_671_102_639_001


def build(boxes=BOXES, scores=(0.9, 0.5, 0.1), labels=('car', 'car', 'pedestrian')):
    data = serialize_detections(boxes, scores, list(labels), STAMP, 'vehicle')
    return deserialize_message(data, Detection3DArray)


def test_round_trip():
    boxes, scores, labels = boxes_from_message(build())
    np.testing.assert_allclose(boxes, BOXES, atol=1e-12)
    np.testing.assert_allclose(scores, [0.9, 0.5, 0.1])
    assert labels == ['car', 'car', 'pedestrian']


def test_corners_drawn_from_the_message_are_those_of_the_box():
    for row, detection in zip(BOXES, build().detections, strict=True):
        centre, size = detection.bbox.center, detection.bbox.size
        turn = centre.orientation
        rotation = rotation_from_quaternion([turn.x, turn.y, turn.z, turn.w])
        signs = np.array(np.meshgrid([-0.5, 0.5], [-0.5, 0.5], [-0.5, 0.5])).reshape(3, -1).T
        drawn = signs * [size.x, size.y, size.z] @ rotation.T
        drawn += [centre.position.x, centre.position.y, centre.position.z]
        expected = box_corners(row[None])[0]
        distances = np.linalg.norm(drawn[:, None] - expected[None], axis=2)
        assert distances.min(axis=1).max() < 1e-9
        assert sorted(distances.argmin(axis=1)) == list(range(8))


def test_header_stamp_and_frame_are_on_every_detection():
    message = build()
    for item in (message, *message.detections):
        assert item.header.frame_id == 'vehicle'
        assert item.header.stamp.sec * 10**9 + item.header.stamp.nanosec == STAMP
    hypothesis = message.detections[2].results[0]
    assert hypothesis.hypothesis.class_id == 'pedestrian'
    assert hypothesis.pose.pose == message.detections[2].bbox.center


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.text('aäx/_', max_size=9), max_size=4),
    st.text('aäx/_', max_size=12),
    st.integers(0, 2**31 * 10**9 - 1),
)
def test_bytes_hold_the_message_that_rclpy_would_build(labels, frame_id, stamp):
    boxes, scores = np.resize(BOXES, (len(labels), 7)), np.arange(len(labels)) / 7
    data = serialize_detections(boxes, scores, labels, stamp, frame_id)
    built = Detection3DArray(header=Header(frame_id=frame_id))
    built.header.stamp.sec, built.header.stamp.nanosec = divmod(stamp, 10**9)
    for label, score, (x, y, z, length, width, height, yaw) in zip(
        labels, scores.tolist(), boxes.tolist(), strict=True
    ):
        hypothesis, detection = ObjectHypothesisWithPose(), Detection3D(header=built.header)
        hypothesis.hypothesis.class_id, hypothesis.hypothesis.score = label, score
        pose, size = detection.bbox.center, detection.bbox.size
        pose.position.x, pose.position.y, pose.position.z = x, y, z + height / 2
        pose.orientation.z, pose.orientation.w = math.sin(yaw / 2), math.cos(yaw / 2)
        size.x, size.y, size.z = length, width, height
        hypothesis.pose.pose = pose
        detection.results.append(hypothesis)
        built.detections.append(detection)
    assert deserialize_message(data, Detection3DArray) == built
    assert len(data) == len(serialize_message(built))


def test_another_layout_is_noticed():
    require_layout(Detection3DArray)
    for other in (BoundingBox3DArray, Detection3D, Odometry):
        with pytest.raises(DetectionError, match=f'{other.__name__}.*install vision_msgs 4'):
            require_layout(other)


def test_empty_frame():
    boxes, scores, labels = boxes_from_message(build(np.zeros((0, 7)), [], []))
    assert boxes.shape == (0, 7)
    assert scores.shape == (0,)
    assert labels == []


@pytest.mark.parametrize('yaw', np.linspace(-7, 7, 29))
def test_yaw_comes_back_wrapped(yaw):
    row = BOXES[:1].copy()
    row[0, 6] = yaw
    back = boxes_from_message(build(row, [0.5], ['car']))[0][0, 6]
    assert -math.pi <= back <= math.pi
    assert math.isclose(math.cos(back - yaw), 1, abs_tol=1e-12)


@pytest.mark.parametrize(
    ('boxes', 'scores', 'labels'),
    [
        (BOXES, [0.5], ['car'] * 3),
        (BOXES, [0.5] * 3, ['car']),
        (BOXES * np.nan, [0.5] * 3, ['car'] * 3),
        (BOXES, [np.inf] * 3, ['car'] * 3),
        (BOXES * [1, 1, 1, 1, 0, 1, 1], [0.5] * 3, ['car'] * 3),
        (BOXES[:, :6], [0.5] * 3, ['car'] * 3),
    ],
    ids=['scores', 'labels', 'nan', 'score', 'size', 'columns'],
)
def test_boxes_that_cannot_be_sent(boxes, scores, labels):
    with pytest.raises(DetectionError):
        serialize_detections(boxes, scores, labels, STAMP, 'vehicle')


def tilt(detection):
    turn = detection.bbox.center.orientation
    turn.x, turn.y, turn.z, turn.w = 0.1, 0.0, 0.0, math.sqrt(0.99)


def unset(detection):
    detection.bbox.center.orientation.w = 0.0
    detection.bbox.center.orientation.z = 0.0


def blow_up(detection):
    detection.bbox.center.position.x = math.nan


@pytest.mark.parametrize('damage', [tilt, unset, blow_up, lambda d: d.results.clear()])
def test_detections_that_are_no_boxes(damage):
    message = build()
    damage(message.detections[0])
    with pytest.raises(DetectionError):
        boxes_from_message(message)


def test_best_hypothesis_counts():
    message = build()
    message.detections[0].results.insert(0, message.detections[2].results[0])
    _, scores, labels = boxes_from_message(message)
    assert (labels[0], scores[0]) == ('car', 0.9)
