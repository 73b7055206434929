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
from emiff_ros.dair.bag_topics import DETECTIONS, INFRASTRUCTURE
from emiff_ros.dair.message_types import add_type, definition_file, make_typestore
from emiff_ros.transport.codec import EncodedFeature
from emiff_ros.transport.feature_header import FINGERPRINT_BYTES, FeatureHeader
from emiff_ros.transport.message_size import message_size

_DETECTION_TYPES = (
    'BoundingBox3D',
    'ObjectHypothesis',
    'ObjectHypothesisWithPose',
    'Detection3D',
    'Detection3DArray',
)
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
    """Serialises messages with the names that the suite uses by default.

    Raises:
        MissingFileError: if the definition of a message is not found.
    """

    def __init__(self) -> None:
        """Load the message types."""
        self._types = make_typestore([])
        for name in _DETECTION_TYPES:
            definition = definition_file(f'vision_msgs/msg/{name}').read_text(encoding='utf-8')
            add_type(self._types, f'vision_msgs/msg/{name}', definition)
        self._images = MessageFactory()

    def image(self, jpeg: bytes) -> int:
        """Return the bytes of a CompressedImage (early fusion)."""
        return len(self._images.compressed_image(0, INFRASTRUCTURE, jpeg))

    def feature(self, encoded: EncodedFeature) -> int:
        """Return the bytes of a FeatureTensor (intermediate fusion)."""
        return message_size(_HEADER, encoded)

    def detections(self, boxes: int) -> int:
        """Return the bytes of a Detection3DArray with so many boxes (late fusion)."""
        kinds = self._types.types
        pose = kinds['geometry_msgs/msg/Pose'](
            position=kinds['geometry_msgs/msg/Point'](x=0.0, y=0.0, z=0.0),
            orientation=kinds['geometry_msgs/msg/Quaternion'](x=0.0, y=0.0, z=0.0, w=1.0),
        )
        result = kinds['vision_msgs/msg/ObjectHypothesisWithPose'](
            hypothesis=kinds['vision_msgs/msg/ObjectHypothesis'](class_id=_LABEL, score=0.0),
            pose=kinds['geometry_msgs/msg/PoseWithCovariance'](pose=pose, covariance=np.zeros(36)),
        )
        detection = kinds['vision_msgs/msg/Detection3D'](
            header=self._header(),
            results=[result],
            bbox=kinds['vision_msgs/msg/BoundingBox3D'](
                center=pose, size=kinds['geometry_msgs/msg/Vector3'](x=1.0, y=1.0, z=1.0)
            ),
            id='',
        )
        message = kinds[DETECTIONS](header=self._header(), detections=[detection] * boxes)
        return len(self._types.serialize_cdr(message, DETECTIONS))

    def _header(self) -> object:
        kinds = self._types.types
        stamp = kinds['builtin_interfaces/msg/Time'](sec=0, nanosec=0)
        return kinds['std_msgs/msg/Header'](stamp=stamp, frame_id=INFRASTRUCTURE.optical_frame)
