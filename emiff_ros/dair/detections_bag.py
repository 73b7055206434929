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
from emiff_ros.bags.message_types import recorded_types
from emiff_ros.bags.reader import bag_topics, open_bag, require_topics
from emiff_ros.dair.bag_topics import DETECTIONS, VEHICLE_DETECTIONS
from emiff_ros.dair.evaluation.predictions import Prediction
from emiff_ros.dair.labels import category_of
from emiff_ros.geometry import box_corners, rotation_from_quaternion
from emiff_ros.stamps import nanoseconds_of


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
        MissingBagError: if the path is no bag.
        MissingDefinitionError: if neither the bag nor this machine has the definition of its
            messages.
        MissingTopicsError: if the topic has no messages.
        BagError: if the topic has another type, the bag is damaged or a car has no box.
    """
    require_topics(path, [topic])
    type_name = bag_topics(path)[topic].type_name
    if type_name != DETECTIONS:
        raise BagError(path, f'{topic} is {type_name}; expected {DETECTIONS}', 'name its topic')
    by_stamp: dict[int, Prediction] = {}
    repeated = 0
    with open_bag(path) as reader:
        connections = [item for item in reader.connections if item.topic == topic]
        typestore = recorded_types(connections[0])
        for _, _, data in reader.messages(connections):
            try:
                message = typestore.deserialize_cdr(data, DETECTIONS)
                prediction = prediction_from_detections(message)
            except (SerdeError, ValueError) as error:
                raise BagError(path, f'{topic}: {error}', 'record the bag again') from error
            stamp = nanoseconds_of(message.header.stamp)
            repeated += stamp in by_stamp
            by_stamp[stamp] = prediction
    return RecordedDetections(by_stamp, repeated)


def prediction_from_detections(message: Any) -> Prediction:
    """Return the cars of a Detection3DArray (of rclpy or of rosbags) as a prediction.

    A detection's class and score are those of its best hypothesis; one without hypothesis is left
    out.

    Raises:
        ValueError: if a car has an orientation that is none, or a number that is not finite.
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
    boxes = np.array(rows, dtype=np.float64).reshape(-1, 7)
    if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
        raise ValueError('a box or score of a car is not finite')
    return Prediction(box_corners(boxes), np.array(scores, dtype=np.float64))
