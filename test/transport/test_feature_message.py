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

"""Features cross the FeatureTensor message unchanged; bad messages are refused by name."""

import array
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from nav_msgs.msg import Odometry
import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message

from emiff_msgs.msg import FeatureChunk, FeatureTensor
from emiff_ros.transport import errors
from emiff_ros.transport.codec import MAX_PAYLOAD_BYTES, decode_feature, encode_feature
from emiff_ros.transport.coding import RAW, ZSTD
from emiff_ros.transport.feature_header import FeatureExpectation, FeatureHeader
from emiff_ros.transport.feature_message import (
    encoded_from_message,
    expected_encoding,
    header_from_message,
    require_layout,
    serialize_feature,
)
from emiff_ros.transport.quantization import Quantization

FINGERPRINT = bytes(range(100, 132))
EXPECTED = FeatureExpectation(FINGERPRINT, (60, 96), channels=2, stride=8)
TENSOR = np.maximum(np.random.default_rng(5).normal(size=(2, 8, 12)), 0).astype(np.float32)
HEADER = FeatureHeader(
    stamp=1_626_165_671_102_639_001,
    frame_id='station/camera_optical',
    station_id='north',
    session_id=0xFEDCBA9876543210,
    sequence=2**40,
    fingerprint=FINGERPRINT,
    image_size=(60, 96),
    padded_size=(64, 96),
    intrinsics=np.array([[80.5, 0, 47.5], [0, 81.25, 30], [0, 0, 1]]),
    map_frame='map',
    camera_from_map=np.array([[1, 0, 0, 4e5 + 0.125], [0, 0, -1, 7], [0, 1, 0, -4e6]]),
)


def message(**changes):
    data = serialize_feature(HEADER, encode_feature(TENSOR))
    built = deserialize_message(data, FeatureTensor)
    for name, value in changes.items():
        setattr(built, name, value)
    return built


def read_message(received):
    header = header_from_message(received)
    return header, expected_encoding(received, header, EXPECTED)


@pytest.mark.parametrize('quantization', list(Quantization))
def test_round_trip_through_cdr(quantization):
    encoded = encode_feature(TENSOR, quantization)
    received = deserialize_message(serialize_feature(HEADER, encoded), FeatureTensor)
    header, read = read_message(received)
    for name in HEADER.__dataclass_fields__.keys() - {'intrinsics', 'camera_from_map'}:
        assert getattr(header, name) == getattr(HEADER, name), name
    np.testing.assert_array_equal(header.intrinsics, HEADER.intrinsics)
    np.testing.assert_array_equal(header.camera_from_map, HEADER.camera_from_map)
    assert isinstance(read.payload, bytes)
    assert read.payload == encoded.payload
    np.testing.assert_array_equal(read.scale, encoded.scale)
    np.testing.assert_array_equal(decode_feature(read), decode_feature(encoded))


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(list(Quantization)),
    st.sampled_from(['raw', 'zstd', 'rans']),
    st.lists(st.text('aäx/_', min_size=1, max_size=20), min_size=3, max_size=3),
    st.integers(1, 6),
)
def test_bytes_are_those_of_rclpy(quantization, coder, names, channels):
    frame_id, station_id, map_frame = names
    header = replace(HEADER, frame_id=frame_id, station_id=station_id, map_frame=map_frame)
    encoded = encode_feature(np.resize(TENSOR, (channels, 8, 11)), quantization, coder)
    data = serialize_feature(header, encoded)
    built = deserialize_message(data, FeatureTensor)
    assert len(serialize_message(built)) == len(data)
    again = serialize_feature(header_from_message(built), encoded_from_message(built))
    assert again == data


def test_another_layout_is_noticed():
    require_layout(FeatureTensor)
    for other in (FeatureChunk, Odometry):
        with pytest.raises(errors.UnsupportedVersionError, match=f'{other.__name__} has another'):
            require_layout(other)


def test_constants_of_the_message_are_those_of_the_codec():
    for item in Quantization:
        assert getattr(FeatureTensor, item.name) == item.value
    assert RAW.code == FeatureTensor.RAW
    assert ZSTD.code == FeatureTensor.ZSTD


def test_header_size_is_a_few_hundred_bytes():
    sent = message()
    assert len(serialize_message(sent)) - len(sent.payload) < 500


@pytest.mark.parametrize(
    ('change', 'error'),
    [
        ({'stamp': 0}, errors.ZeroStampError),
        ({'station_id': 'x' * 65}, errors.IdentityError),
        ({'intrinsics': np.full((3, 3), np.nan)}, errors.CalibrationError),
        ({'image_size': (0, 0)}, errors.ImageSizeError),
    ],
)
def test_sender_refuses_what_a_receiver_would(change, error):
    with pytest.raises(error):
        serialize_feature(replace(HEADER, **change), encode_feature(TENSOR))


def test_sender_checks_the_bound_of_the_payload():
    encoded = replace(encode_feature(TENSOR), payload=bytes(MAX_PAYLOAD_BYTES + 1))
    with pytest.raises(errors.TooLargeError, match='4194304'):
        serialize_feature(HEADER, encoded)


def nan_in(values, index):
    changed = np.array(values, np.float64).ravel()
    changed[index] = np.nan
    return changed


@pytest.mark.parametrize(
    ('change', 'cause'),
    [
        ({'format_version': 2}, 'unsupported_version'),
        ({'station_id': ''}, 'bad_identity'),
        ({'map_frame': ''}, 'bad_identity'),
        ({'model_fingerprint': np.zeros(32, np.uint8)}, 'wrong_model'),
        ({'image_width': 0}, 'bad_image_size'),
        ({'padded_width': 128}, 'bad_image_size'),
        ({'image_height': 2**32 - 1}, 'bad_image_size'),
        ({'image_height': 64}, 'bad_image_size'),
        ({'image_height': 58}, 'bad_image_size'),
        ({'k': nan_in(HEADER.intrinsics, 4)}, 'implausible_calibration'),
        ({'k': np.eye(3).ravel()}, 'implausible_calibration'),
        ({'camera_from_map': nan_in(HEADER.camera_from_map, 11)}, 'implausible_calibration'),
        ({'camera_from_map': np.zeros(12)}, 'implausible_calibration'),
        ({'shape': np.array([2, 8, 13], np.uint32)}, 'bad_shape'),
        ({'shape': np.array([0, 8, 12], np.uint32)}, 'bad_shape'),
        ({'shape': np.full(3, 2**32 - 1, np.uint32)}, 'too_large'),
        ({'quantization': 77}, 'unsupported_quantization'),
        ({'coder': 77}, 'unsupported_coder'),
        ({'decoded_size': 2**32 - 1}, 'decoded_size'),
        ({'crc32': 1}, 'checksum'),
        ({'payload': array.array('B', b'abc')}, 'checksum'),
        ({'scale': array.array('f', [1.0, float('nan')])}, 'bad_scale'),
        ({'zero_point': array.array('f')}, 'bad_scale'),
    ],
)
def test_bad_messages_are_refused_by_name(change, cause):
    received = deserialize_message(serialize_message(message(**change)), FeatureTensor)
    with pytest.raises(errors.TransportError) as caught:
        _, encoded = read_message(received)
        decode_feature(encoded)
    assert caught.value.cause == cause


def test_zero_stamp_is_refused():
    received = message()
    received.header.stamp.sec = received.header.stamp.nanosec = 0
    with pytest.raises(errors.ZeroStampError):
        read_message(received)


def test_empty_message_is_refused():
    with pytest.raises(errors.UnsupportedVersionError):
        encoded_from_message(FeatureTensor())


def test_parts_can_be_read_alone():
    assert header_from_message(message()).sequence == HEADER.sequence
    assert encoded_from_message(message()).shape == (2, 8, 12)
