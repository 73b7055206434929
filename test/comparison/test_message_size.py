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

"""Lengths of serialised messages against those of rclpy's serialisation."""

import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header
from vision_msgs.msg import (
    Detection3D,
    Detection3DArray,
    ObjectHypothesis,
    ObjectHypothesisWithPose,
)

from emiff_msgs.msg import FeatureTensor
from emiff_ros.comparison.message_size import MessageSizer
from emiff_ros.dair.bag_topics import INFRASTRUCTURE
from emiff_ros.transport.codec import encode_feature
from emiff_ros.transport.feature_header import FeatureHeader
from emiff_ros.transport.feature_message import serialize_feature


@pytest.mark.parametrize('quantization', ['int8', 'float32'])
def test_a_feature(quantization):
    tensor = np.random.default_rng(0).normal(size=(4, 9, 15)).astype(np.float32)
    encoded = encode_feature(tensor, quantization)
    header = FeatureHeader(
        stamp=1,
        frame_id=INFRASTRUCTURE.optical_frame,
        station_id='infrastructure',
        session_id=1,
        sequence=2,
        fingerprint=bytes(32),
        image_size=(36, 60),
        padded_size=(64, 64),
        intrinsics=np.diag([60.0, 60.0, 1.0]),
        map_frame='map',
        camera_from_map=np.eye(4)[:3],
    )
    message = deserialize_message(serialize_feature(header, encoded), FeatureTensor)
    assert MessageSizer().feature(encoded) == len(serialize_message(message))


@pytest.mark.parametrize('count', [0, 1, 5])
def test_detections(count):
    header = Header(frame_id=INFRASTRUCTURE.optical_frame)
    hypothesis = ObjectHypothesisWithPose(hypothesis=ObjectHypothesis(class_id='car'))
    detection = Detection3D(header=header, results=[hypothesis])
    message = Detection3DArray(header=header, detections=[detection] * count)
    assert MessageSizer().detections(count) == len(serialize_message(message))


def test_an_image():
    sizer = MessageSizer()
    assert sizer.image(bytes(1000)) - sizer.image(bytes(500)) == 500
