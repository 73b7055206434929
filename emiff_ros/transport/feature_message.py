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

"""FeatureTensor messages from and to headers and encoded features.

emiff_msgs is imported when a message is built: the rest of the feature link works without ROS.
"""

import array
from typing import TYPE_CHECKING

import numpy as np

from emiff_ros.transport.codec import (
    FORMAT_VERSION,
    MAX_PAYLOAD_BYTES,
    EncodedFeature,
    checked_shape,
)
from emiff_ros.transport.errors import CalibrationError, TooLargeError, UnsupportedVersionError
from emiff_ros.transport.feature_header import (
    FeatureExpectation,
    FeatureHeader,
    check_camera,
    check_expected,
    check_identity,
)

if TYPE_CHECKING:
    from emiff_msgs.msg import FeatureTensor

_NANOSECONDS = 1_000_000_000


def message_from_feature(header: FeatureHeader, encoded: EncodedFeature) -> 'FeatureTensor':
    """Build the message of one feature.

    Args:
        header: identity, time and camera.
        encoded: result of :func:`~emiff_ros.transport.codec.encode_feature`.

    Raises:
        TransportError: a subclass for each cause, if a receiver would have to refuse the message.
    """
    from emiff_msgs.msg import FeatureTensor

    check_identity(header)
    check_camera(header)
    if len(encoded.payload) > MAX_PAYLOAD_BYTES:
        raise TooLargeError(
            f'payload of {len(encoded.payload)} bytes exceeds the limit of {MAX_PAYLOAD_BYTES}'
        )
    message = FeatureTensor()
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(header.stamp, _NANOSECONDS)
    message.header.frame_id = header.frame_id
    message.format_version = encoded.format_version
    message.station_id = header.station_id
    message.session_id = header.session_id
    message.sequence = header.sequence
    message.model_fingerprint = np.frombuffer(header.fingerprint, np.uint8)
    message.image_height, message.image_width = header.image_size
    message.padded_height, message.padded_width = header.padded_size
    message.k = np.asarray(header.intrinsics, np.float64).ravel()
    message.map_frame = header.map_frame
    message.camera_from_map = np.asarray(header.camera_from_map, np.float64).ravel()
    message.shape = np.asarray(checked_shape(encoded.shape), np.uint32)
    message.quantization = encoded.quantization
    message.scale = array.array('f', encoded.scale.tolist())
    message.zero_point = array.array('f', encoded.zero_point.tolist())
    message.coder = encoded.coder
    message.decoded_size = encoded.decoded_size
    message.crc32 = encoded.crc32
    # rclpy copies bytes fast, and does not check the bound of an array: checked above.
    message.payload = array.array('B', encoded.payload)
    return message


def expected_encoding(
    message: 'FeatureTensor', header: FeatureHeader, expectation: FeatureExpectation
) -> EncodedFeature:
    """Check everything of a received message but header and payload; read its encoded tensor.

    Args:
        message: as received; every field is treated as hostile.
        header: of :func:`header_from_message`.
        expectation: what the receiver's model can read.

    Returns:
        What :func:`~emiff_ros.transport.codec.decode_feature` decodes.

    Raises:
        TransportError: a subclass for each cause; nothing else is raised.
    """
    encoded = encoded_from_message(message)
    check_expected(header, encoded.shape, expectation)
    check_camera(header, expectation.limits)
    return encoded


def header_from_message(message: 'FeatureTensor') -> FeatureHeader:
    """Read identity, time and camera, and check the identity.

    Raises:
        ZeroStampError: for a zero stamp.
        IdentityError: for a missing name.
        CalibrationError: if the camera's numbers are not finite.
    """
    stamp = message.header.stamp
    header = FeatureHeader(
        stamp=stamp.sec * _NANOSECONDS + stamp.nanosec,
        frame_id=message.header.frame_id,
        station_id=message.station_id,
        session_id=int(message.session_id),
        sequence=int(message.sequence),
        fingerprint=bytes(bytearray(message.model_fingerprint)),
        image_size=(int(message.image_height), int(message.image_width)),
        padded_size=(int(message.padded_height), int(message.padded_width)),
        intrinsics=np.array(message.k, np.float64).reshape(3, 3),
        map_frame=message.map_frame,
        camera_from_map=np.array(message.camera_from_map, np.float64).reshape(3, 4),
    )
    check_identity(header)
    if not (np.isfinite(header.intrinsics).all() and np.isfinite(header.camera_from_map).all()):
        raise CalibrationError('the camera of the message holds NaN or infinite numbers')
    return header


def encoded_from_message(message: 'FeatureTensor') -> EncodedFeature:
    """Read the encoded tensor of a message without decoding it.

    Raises:
        UnsupportedVersionError: for another format version.
        ShapeError: for a shape that no tensor has.
        TooLargeError: for a shape or payload above the limits.
    """
    if message.format_version != FORMAT_VERSION:
        raise UnsupportedVersionError(
            f'format version {message.format_version}; this receiver reads {FORMAT_VERSION}; '
            'use the same release on both sides'
        )
    return EncodedFeature(
        format_version=int(message.format_version),
        shape=checked_shape([int(size) for size in message.shape]),
        quantization=int(message.quantization),
        scale=np.array(message.scale, np.float32),
        zero_point=np.array(message.zero_point, np.float32),
        coder=int(message.coder),
        decoded_size=int(message.decoded_size),
        crc32=int(message.crc32),
        payload=bytes(memoryview(message.payload)),
    )
