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

"""Headers and encoded features to serialised FeatureTensor messages, and back from the message."""

from typing import TYPE_CHECKING

import numpy as np

from emiff_ros.stamps import nanoseconds_of
from emiff_ros.transport.cdr import CdrWriter, is_read_as_written
from emiff_ros.transport.codec import (
    FORMAT_VERSION,
    MAX_PAYLOAD_BYTES,
    EncodedFeature,
    checked_shape,
)
from emiff_ros.transport.errors import (
    CalibrationError,
    TooLargeError,
    UnsupportedVersionError,
)
from emiff_ros.transport.feature_header import (
    FINGERPRINT_BYTES,
    FeatureExpectation,
    FeatureHeader,
    check_camera,
    check_expected,
    check_identity,
)

if TYPE_CHECKING:
    from emiff_msgs.msg import FeatureTensor


def serialize_feature(header: FeatureHeader, encoded: EncodedFeature) -> bytes:
    """Return a feature as a serialised FeatureTensor, to be published as it is.

    Args:
        header: identity, time and camera.
        encoded: result of :func:`~emiff_ros.transport.codec.encode_feature`.

    Raises:
        TransportError: a subclass for each cause, if a receiver would have to refuse the message.
    """
    check_identity(header)
    check_camera(header)
    shape = checked_shape(encoded.shape)
    if len(encoded.payload) > MAX_PAYLOAD_BYTES:
        raise TooLargeError(
            f'payload of {len(encoded.payload)} bytes exceeds the limit of {MAX_PAYLOAD_BYTES}'
        )
    writer = CdrWriter()
    writer.time(header.stamp)
    writer.text(header.frame_id)
    writer.numbers('H', encoded.format_version)
    writer.text(header.station_id)
    writer.numbers('Q', header.session_id, header.sequence)
    writer.array(np.frombuffer(header.fingerprint, np.uint8))
    writer.numbers('I', *reversed(header.image_size), *reversed(header.padded_size))
    writer.array(np.asarray(header.intrinsics, np.float64))
    writer.text(header.map_frame)
    writer.array(np.asarray(header.camera_from_map, np.float64))
    writer.numbers('I', *shape)
    writer.numbers('B', encoded.quantization)
    writer.sequence(encoded.scale)
    writer.sequence(encoded.zero_point)
    writer.numbers('B', encoded.coder)
    writer.numbers('I', encoded.decoded_size, encoded.crc32)
    writer.sequence(np.frombuffer(encoded.payload, np.uint8))
    return writer.message()


def require_layout(message_type: type) -> None:
    """Check that the installed message is laid out as :func:`serialize_feature` has it.

    Args:
        message_type: emiff_msgs/FeatureTensor.

    Raises:
        UnsupportedVersionError: if it is not.
    """
    header = FeatureHeader(
        stamp=10_000_000_009,
        frame_id='frame',
        station_id='station',
        session_id=11,
        sequence=12,
        fingerprint=bytes(range(FINGERPRINT_BYTES)),
        image_size=(13, 14),
        padded_size=(15, 16),
        intrinsics=np.array([[17.0, 1, 7], [0, 18, 6], [0, 0, 1]]),
        map_frame='map',
        camera_from_map=np.array([[0.9, 0, 0, 1], [0, 0, -0.8, 2], [0, 0.7, 0.1, 3]]),
    )
    numbers = np.array([0.5, 0.25], np.float32)
    data = serialize_feature(
        header, EncodedFeature((2, 19, 20), 2, numbers, -numbers, 21, 22, 23, b'payload')
    )

    def agrees(message: 'FeatureTensor') -> bool:
        again = serialize_feature(header_from_message(message), encoded_from_message(message))
        return again == data

    if not is_read_as_written(data, message_type, agrees):
        raise UnsupportedVersionError(
            f'the installed {message_type.__module__.partition(".")[0]}/{message_type.__name__} '
            'has another layout than that of this package; install the emiff_msgs of the same '
            'release'
        )


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
        stamp=nanoseconds_of(stamp),
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
