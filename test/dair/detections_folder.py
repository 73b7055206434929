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

"""Writes bags of Detection3DArray with rosbags, for tests."""

import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer

from emiff_ros.bags.message_types import make_typestore
from emiff_ros.dair.bag_topics import DETECTIONS, VEHICLE_DETECTIONS
from emiff_ros.geometry import quaternion_from_rotation

VISION_TYPES = [
    f'vision_msgs/msg/{name}'
    for name in (
        'BoundingBox3D',
        'ObjectHypothesis',
        'ObjectHypothesisWithPose',
        'Detection3D',
        'Detection3DArray',
    )
]


def detection(types, box, hypotheses):
    """Return a Detection3D of a box row (bottom centre) with (class, score) hypotheses."""
    x, y, z, length, width, height, yaw = (float(value) for value in box)
    rotation = [[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]]
    quaternion = quaternion_from_rotation(rotation).tolist()
    pose = types['geometry_msgs/msg/Pose'](
        position=types['geometry_msgs/msg/Point'](x=x, y=y, z=z + height / 2),
        orientation=types['geometry_msgs/msg/Quaternion'](
            **dict(zip('xyzw', quaternion, strict=True))
        ),
    )
    results = [
        types['vision_msgs/msg/ObjectHypothesisWithPose'](
            hypothesis=types['vision_msgs/msg/ObjectHypothesis'](class_id=name, score=score),
            pose=types['geometry_msgs/msg/PoseWithCovariance'](pose=pose, covariance=np.zeros(36)),
        )
        for name, score in hypotheses
    ]
    size = types['geometry_msgs/msg/Vector3'](x=length, y=width, z=height)
    return types['vision_msgs/msg/Detection3D'](
        header=header(types, 0),
        results=results,
        bbox=types['vision_msgs/msg/BoundingBox3D'](center=pose, size=size),
        id='',
    )


def header(types, stamp):
    """Return a Header of the vehicle frame."""
    time = types['builtin_interfaces/msg/Time'](
        sec=stamp // 1_000_000_000, nanosec=stamp % 1_000_000_000
    )
    return types['std_msgs/msg/Header'](stamp=time, frame_id='vehicle')


def write_detections(path, frames, topic=VEHICLE_DETECTIONS, damage=None):
    """Write a bag with one Detection3DArray for each (stamp, [(box, hypotheses)])."""
    typestore = make_typestore(VISION_TYPES)
    types = typestore.types
    with Writer(path, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection(topic, DETECTIONS, typestore=typestore)
        for order, (stamp, objects) in enumerate(frames):
            message = types[DETECTIONS](
                header=header(types, stamp),
                detections=[detection(types, box, results) for box, results in objects],
            )
            data = bytes(typestore.serialize_cdr(message, DETECTIONS))
            writer.write(connection, stamp + 40_000_000 + order, damage(data) if damage else data)
    return path
