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

"""How long the messages are that a method sends: serialised (CDR), headers and all."""

import numpy as np

from emiff_ros.dair.bag_messages import MessageFactory
from emiff_ros.dair.bag_topics import INFRASTRUCTURE
from emiff_ros.transport.codec import EncodedFeature
from emiff_ros.transport.detection_message import serialize_detections
from emiff_ros.transport.feature_header import FINGERPRINT_BYTES, FeatureHeader
from emiff_ros.transport.feature_message import serialize_feature

_LABEL = 'car'
_HEADER = FeatureHeader(
    stamp=1,
    frame_id=INFRASTRUCTURE.optical_frame,
    station_id='infrastructure',
    session_id=0,
    sequence=0,
    fingerprint=bytes(FINGERPRINT_BYTES),
    image_size=(1, 1),
    padded_size=(1, 1),
    intrinsics=np.eye(3),
    map_frame='map',
    camera_from_map=np.eye(4)[:3],
)
"""Only the lengths of its names count."""


class MessageSizer:
    """Measures messages with the names that the suite uses by default.

    Raises:
        MissingDefinitionError: if the definition of a message is not found.
    """

    def __init__(self) -> None:
        """Load the message types."""
        self._images = MessageFactory()

    def image(self, jpeg: bytes) -> int:
        """Return the bytes of a CompressedImage (early fusion)."""
        return len(self._images.compressed_image(0, INFRASTRUCTURE, jpeg))

    def feature(self, encoded: EncodedFeature) -> int:
        """Return the bytes of a FeatureTensor (intermediate fusion)."""
        return len(serialize_feature(_HEADER, encoded))

    def detections(self, boxes: int) -> int:
        """Return the bytes of a Detection3DArray with so many boxes (late fusion)."""
        frame, rows = INFRASTRUCTURE.optical_frame, np.ones((boxes, 7))
        return len(serialize_detections(rows, np.zeros(boxes), [_LABEL] * boxes, 0, frame))
