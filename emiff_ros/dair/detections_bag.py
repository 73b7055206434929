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

"""Predictions from a recorded bag of ``vision_msgs/Detection3DArray``."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.serde import SerdeError

from emiff_ros.bags.errors import BagError
from emiff_ros.bags.message_types import add_type, definition_file, make_typestore
from emiff_ros.bags.reader import bag_topics, open_bag, require_topics
from emiff_ros.dair.bag_topics import DETECTIONS, VEHICLE_DETECTIONS
from emiff_ros.dair.evaluation.predictions import Prediction
from emiff_ros.dair.labels import category_of
from emiff_ros.geometry import box_corners, rotation_from_quaternion
from emiff_ros.stamps import nanoseconds_of

_PARTS = ('BoundingBox3D', 'ObjectHypothesis', 'ObjectHypothesisWithPose', 'Detection3D')


@dataclass(frozen=True)
class RecordedDetections:
    """Detections of a bag.

    Attributes:
        by_stamp: prediction by the stamp of the vehicle image, nanoseconds. A stamp that was
            recorded twice (a looped replay) keeps the last one.
        repeated: how many messages repeated a stamp.
    """

    by_stamp: Mapping[int, Prediction]
    repeated: int


def read_detections(path: Path | str, topic: str = VEHICLE_DETECTIONS) -> RecordedDetections:
    """Read the cars of every Detection3DArray on a topic.

    Boxes are centred on the wire; their yaw is taken about the z axis of the message's frame,
    which must be the vehicle's LiDAR frame.

    Raises:
        MissingFileError: if the path is no bag.
        MissingTopicsError: if the topic has no messages.
        BagError: if the topic has another type or the bag is damaged.
    """
    require_topics(path, [topic])
    type_name = bag_topics(path)[topic].type_name
    if type_name != DETECTIONS:
        raise BagError(path, f'{topic} is {type_name}; expected {DETECTIONS}', 'name its topic')
    by_stamp: dict[int, Prediction] = {}
    repeated = 0
    with open_bag(path) as reader:
        connections = [item for item in reader.connections if item.topic == topic]
        typestore = make_typestore()
        if connections[0].msgdef.data:
            add_type(typestore, DETECTIONS, connections[0].msgdef.data)
        else:
            for name in (*_PARTS, 'Detection3DArray'):
                definition = definition_file(f'vision_msgs/msg/{name}').read_text(encoding='utf-8')
                add_type(typestore, f'vision_msgs/msg/{name}', definition)
        for _, _, data in reader.messages(connections):
            try:
                message = typestore.deserialize_cdr(data, DETECTIONS)
            except SerdeError as error:
                raise BagError(path, f'{topic}: {error}', 'record the bag again') from error
            stamp = nanoseconds_of(message.header.stamp)
            repeated += stamp in by_stamp
            by_stamp[stamp] = prediction_from_detections(message)
    return RecordedDetections(by_stamp, repeated)


def prediction_from_detections(message: Any) -> Prediction:
    """Return the cars of a Detection3DArray (of rclpy or of rosbags) as a prediction.

    A detection's class and score are those of its best hypothesis; one without hypothesis is left
    out.
    """
    rows, scores = [], []
    for detection in message.detections:
        if not detection.results:
            continue
        best = max(detection.results, key=lambda result: result.hypothesis.score).hypothesis
        if category_of(best.class_id) != 'car':
            continue
        centre, size = detection.bbox.center, detection.bbox.size
        position, orientation = centre.position, centre.orientation
        rotation = rotation_from_quaternion(
            [orientation.x, orientation.y, orientation.z, orientation.w]
        )
        yaw = np.arctan2(rotation[1, 0], rotation[0, 0])
        bottom = position.z - size.z / 2
        rows.append([position.x, position.y, bottom, size.x, size.y, size.z, yaw])
        scores.append(best.score)
    corners = box_corners(np.array(rows, dtype=np.float64).reshape(-1, 7))
    return Prediction(corners, np.array(scores, dtype=np.float64))
