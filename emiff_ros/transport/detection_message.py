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

"""Model boxes to vision_msgs/Detection3DArray and back.

A model box is (x, y, z of the bottom face, length, width, height, yaw). On the wire a box has its
centre in the middle of its height, its yaw about +z as a quaternion, and size x = length along the
heading, y = width, z = height, as vision_msgs/BoundingBox3D defines it. What others have recorded
is read less strictly by :mod:`emiff_ros.dair.detections_bag`.
"""

from collections.abc import Sequence
import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emiff_ros.transport.errors import DetectionError

if TYPE_CHECKING:
    from vision_msgs.msg import Detection3DArray

_NANOSECONDS = 1_000_000_000
_MAX_TILT = 1e-3


def message_from_boxes(
    boxes: ArrayLike, scores: ArrayLike, labels: Sequence[str], stamp: int, frame_id: str
) -> 'Detection3DArray':
    """Build the message of one frame's detections.

    Args:
        boxes: ``[N, 7]`` bottom-centre boxes in ``frame_id``, metres and radians.
        scores: ``[N]`` confidences.
        labels: N names of labels; each becomes a ``class_id``.
        stamp: nanoseconds, of the image that the detections belong to.
        frame_id: frame of the boxes.

    Raises:
        DetectionError: for other shapes or lengths, a number that is not finite or a size that is
            not positive.
    """
    from std_msgs.msg import Header
    from vision_msgs.msg import Detection3D, Detection3DArray, ObjectHypothesisWithPose

    rows = np.asarray(boxes, np.float64)
    if rows.ndim != 2 or rows.shape[1] != 7:
        raise DetectionError(f'boxes have shape {rows.shape}; expected [N, 7]')
    confidences = np.asarray(scores, np.float64).ravel()
    if not len(rows) == len(confidences) == len(labels):
        raise DetectionError(
            f'{len(rows)} boxes, {len(confidences)} scores and {len(labels)} labels; '
            'expected one score and one label for each box'
        )
    _check_boxes(rows, confidences)
    header = Header(frame_id=frame_id)
    header.stamp.sec, header.stamp.nanosec = divmod(stamp, _NANOSECONDS)
    detections = []
    for row, score, label in zip(rows.tolist(), confidences.tolist(), labels, strict=True):
        x, y, z_bottom, length, width, height, yaw = row
        # Filling in what a message begins with takes half the time of building its parts anew.
        detection, hypothesis = Detection3D(header=header), ObjectHypothesisWithPose()
        centre, size = detection.bbox.center, detection.bbox.size
        centre.position.x, centre.position.y, centre.position.z = x, y, z_bottom + height / 2
        centre.orientation.z, centre.orientation.w = math.sin(yaw / 2), math.cos(yaw / 2)
        size.x, size.y, size.z = length, width, height
        hypothesis.hypothesis.class_id, hypothesis.hypothesis.score = label, score
        hypothesis.pose.pose = centre
        detection.results.append(hypothesis)
        detections.append(detection)
    return Detection3DArray(header=header, detections=detections)


def boxes_from_message(
    message: 'Detection3DArray',
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[str]]:
    """Read the boxes of a message.

    Returns:
        Boxes ``[N, 7]`` (bottom centre, yaw in [-pi, pi]), scores ``[N]`` and label names, from
        the hypothesis with the highest score of each detection.

    Raises:
        DetectionError: for a detection without hypothesis, a box that is not upright (tilted by
            more than about 0.1 degree), or numbers that are no box.
    """
    rows, scores, labels = [], [], []
    for index, detection in enumerate(message.detections):
        if not detection.results:
            raise DetectionError(f'detection {index} has no hypothesis; expected at least one')
        best = max(detection.results, key=lambda result: result.hypothesis.score).hypothesis
        centre, size = detection.bbox.center, detection.bbox.size
        turn = centre.orientation
        length = math.hypot(turn.x, turn.y, turn.z, turn.w)
        if not abs(length - 1) < _MAX_TILT or math.hypot(turn.x, turn.y) > _MAX_TILT:
            raise DetectionError(
                f'detection {index} has orientation ({turn.x}, {turn.y}, {turn.z}, {turn.w}); '
                'expected a unit quaternion about z'
            )
        yaw = 2 * math.atan2(turn.z, turn.w)
        yaw = math.remainder(yaw, 2 * math.pi)
        position = centre.position
        bottom = position.z - size.z / 2
        rows.append((position.x, position.y, bottom, size.x, size.y, size.z, yaw))
        scores.append(best.score)
        labels.append(best.class_id)
    boxes = np.array(rows, np.float64).reshape(-1, 7)
    confidences = np.array(scores, np.float64)
    _check_boxes(boxes, confidences)
    return boxes, confidences, labels


def _check_boxes(boxes: NDArray[np.float64], scores: NDArray[np.float64]) -> None:
    if not (np.isfinite(boxes).all() and np.isfinite(scores).all()):
        raise DetectionError('a box or a score is not finite')
    if (boxes[:, 3:6] <= 0).any():
        raise DetectionError(
            f'a box has size {boxes[:, 3:6].min():.3g} m; expected length, width and height > 0'
        )
