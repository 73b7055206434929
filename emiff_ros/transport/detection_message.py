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

"""Model boxes to serialised vision_msgs/Detection3DArray, and back from the message.

A model box is (x, y, z of the bottom face, length, width, height, yaw). On the wire a box has its
centre in the middle of its height, its yaw about +z as a quaternion, and size x = length along the
heading, y = width, z = height, as vision_msgs/BoundingBox3D defines it. What others have recorded
is read less strictly by :mod:`emiff_ros.dair.detections_bag`.
"""

from collections.abc import Sequence
import math
import struct
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emiff_ros.transport.cdr import CdrWriter, is_read_as_written
from emiff_ros.transport.errors import DetectionError

if TYPE_CHECKING:
    from vision_msgs.msg import Detection3DArray

_MAX_TILT = 1e-3
_NO_ID = struct.pack('<I', 1) + b'\0'  # an empty text


def serialize_detections(
    boxes: ArrayLike, scores: ArrayLike, labels: Sequence[str], stamp: int, frame_id: str
) -> bytes:
    """Return one frame's detections as a serialised Detection3DArray, to be published as it is.

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
    header = CdrWriter()
    header.time(stamp)
    header.text(frame_id)
    header.align(4)
    begins = {label: _begin(header.body, label) for label in set(labels)}
    header.numbers('I', len(rows))
    place, details = len(header.body) % 8, []
    for label, numbers in zip(labels, _numbers(rows, confidences), strict=True):
        begin = begins[label]
        details.append(begin + bytes(-(place + len(begin)) % 8) + numbers.tobytes())
        place = 0  # of every detection but the first
    return header.message() + (_NO_ID + bytes(3)).join(details) + (_NO_ID if details else b'')


def _begin(header: bytes, label: str) -> bytes:
    """Return what lies before the numbers of a detection: header, one hypothesis, its label."""
    writer = CdrWriter(header)
    writer.numbers('I', 1)
    writer.text(label)
    return writer.body


def _numbers(boxes: NDArray[np.float64], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what lies between label and id: score, pose, covariance, box; ``[N, 54]``."""
    numbers = np.zeros((len(boxes), 54), '<f8')
    pose, size = numbers[:, 44:51], numbers[:, 51:]
    pose[:, :3] = boxes[:, :3]
    pose[:, 2] += boxes[:, 5] / 2
    pose[:, 5], pose[:, 6] = np.sin(boxes[:, 6] / 2), np.cos(boxes[:, 6] / 2)
    size[:] = boxes[:, 3:6]
    numbers[:, 0] = scores
    numbers[:, 1:8] = pose
    return numbers


def require_layout(message_type: type) -> None:
    """Check that the installed message is laid out as :func:`serialize_detections` has it.

    Args:
        message_type: vision_msgs/Detection3DArray.

    Raises:
        DetectionError: if it is not.
    """
    box, label = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.5], 'car'
    data = serialize_detections([box], [0.25], [label], 1, 'frame')

    def agrees(message: 'Detection3DArray') -> bool:
        boxes, scores, labels = boxes_from_message(message)
        return np.allclose(boxes, box) and scores.tolist() == [0.25] and labels == [label]

    if not is_read_as_written(data, message_type, agrees):
        raise DetectionError(
            f'the installed {message_type.__module__.partition(".")[0]}/{message_type.__name__} '
            'has another layout than that of vision_msgs 4, which this package writes; install '
            'vision_msgs 4'
        )


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
