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

"""Tensors survive the codec, and every damaged field is refused by its own name."""

from dataclasses import replace
import os
import subprocess
import sys
import zlib

import numpy as np
import pytest

from emiff_ros.transport import errors
from emiff_ros.transport.codec import (
    MAX_PAYLOAD_BYTES,
    MAX_VALUES,
    EncodedFeature,
    decode_feature,
    encode_feature,
)
from emiff_ros.transport.coding import RAW, ZSTD
from emiff_ros.transport.quantization import Quantization, error_bound


def relu_map(channels=2, height=17, width=30, seed=0):
    """Return a non-negative map with about half zeros and smooth blobs, like a ReLU's output."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[0:height, 0:width]
    waves = [
        np.sin(rows / rng.uniform(2, 9) + columns / rng.uniform(2, 9)) for _ in range(channels)
    ]
    return np.maximum(np.stack(waves) + rng.normal(0, 0.1, (channels, height, width)), 0).astype(
        np.float32
    )


@pytest.mark.parametrize('quantization', ['float32', 'float16', 'int8', 'int4'])
@pytest.mark.parametrize('coder', ['raw', 'zstd'])
@pytest.mark.parametrize('shape', [(1, 1, 1), (2, 17, 30), (3, 5, 7)])
def test_round_trip_within_the_bound(quantization, coder, shape):
    tensor = relu_map(*shape)
    encoded = encode_feature(tensor, quantization, coder)
    decoded = decode_feature(encoded)
    assert decoded.shape == shape
    assert decoded.dtype == np.float32
    kind = Quantization.parse(quantization)
    bound = error_bound(kind, encoded.scale, encoded.zero_point, float(tensor.max()))
    assert (np.abs(decoded - tensor).max(axis=(1, 2)) <= bound).all()


def test_default_is_int8_with_zstd_and_smaller_than_a_quarter_of_float32():
    tensor = relu_map(1, 68, 120)
    encoded = encode_feature(tensor)
    assert (encoded.quantization, encoded.coder) == (Quantization.INT8, ZSTD.code)
    assert encoded.decoded_size == tensor.size
    assert len(encoded.payload) < tensor.size


def test_incompressible_data_travels_raw_and_never_grows():
    noise = np.frombuffer(os.urandom(4096), np.uint8).astype(np.float32).reshape(1, 64, 64)
    encoded = encode_feature(noise, 'int8', 'zstd')
    assert encoded.coder == RAW.code
    assert len(encoded.payload) == 4096
    np.testing.assert_allclose(decode_feature(encoded), noise, atol=0.51)


def test_encoding_is_deterministic():
    first, second = (encode_feature(relu_map()) for _ in range(2))
    assert first.payload == second.payload
    assert first.crc32 == second.crc32 == zlib.crc32(first.payload)


def test_negative_values_and_other_dtypes_are_taken():
    tensor = np.linspace(-3, 5, 60).reshape(1, 6, 10)
    assert np.abs(decode_feature(encode_feature(tensor)) - tensor).max() < 8 / 255
    assert decode_feature(encode_feature(tensor.tolist(), 'float32')).dtype == np.float32


def test_payload_may_be_any_bytes_like_object():
    encoded = encode_feature(relu_map())
    for payload in (bytearray(encoded.payload), memoryview(encoded.payload)):
        decoded = decode_feature(replace(encoded, payload=payload))
        np.testing.assert_array_equal(decoded, decode_feature(encoded))


@pytest.mark.parametrize(
    ('tensor', 'error'),
    [
        (np.zeros((3, 4), np.float32), errors.ShapeError),
        (np.zeros((1, 0, 4), np.float32), errors.ShapeError),
        (np.zeros((1, 2, 3, 4), np.float32), errors.ShapeError),
        ('no tensor', errors.ShapeError),
        (np.full((1, 2, 2), np.nan, np.float32), errors.NonFiniteError),
        (np.full((1, 2, 2), -np.inf, np.float32), errors.NonFiniteError),
        (np.full((1, 2, 2), 1e39), errors.NonFiniteError),
        (np.zeros((1025, 1, 1), np.float32), errors.TooLargeError),
        (np.zeros((1, 2049, 2048), np.int8), errors.TooLargeError),
    ],
    ids=['2D', 'empty', '4D', 'text', 'nan', 'inf', 'overflow', 'channels', 'values'],
)
def test_tensors_that_cannot_be_sent(tensor, error):
    with pytest.raises(error):
        encode_feature(tensor)


def test_payload_above_the_bound_of_the_message_is_not_sent():
    noise = np.random.default_rng(0).random((1, 1024, 1025), np.float32)
    with pytest.raises(errors.TooLargeError, match='coarser quantization'):
        encode_feature(noise, 'float32', 'raw')


ENCODED = encode_feature(relu_map())
NAN = np.array([np.nan, 1.0], np.float32)


@pytest.mark.parametrize(
    ('change', 'cause'),
    [
        ({'format_version': 2}, 'unsupported_version'),
        ({'format_version': None}, 'unsupported_version'),
        ({'quantization': 4}, 'unsupported_quantization'),
        ({'quantization': Quantization.FLOAT16}, 'decoded_size'),
        ({'coder': 9}, 'unsupported_coder'),
        ({'coder': 'zstd'}, 'unsupported_coder'),
        ({'coder': RAW.code}, 'decoded_size'),
        ({'shape': (2, 17)}, 'bad_shape'),
        ({'shape': (2, 0, 30)}, 'bad_shape'),
        ({'shape': (2, -17, 30)}, 'bad_shape'),
        ({'shape': (2, 17.0, 30)}, 'bad_shape'),
        ({'shape': None}, 'bad_shape'),
        ({'shape': (2, 30, 17 * 2)}, 'decoded_size'),
        ({'shape': (2**32 - 1, 2**32 - 1, 2**32 - 1)}, 'too_large'),
        ({'shape': (1, 2, MAX_VALUES)}, 'too_large'),
        ({'decoded_size': 2**32 - 1}, 'decoded_size'),
        ({'decoded_size': 0}, 'decoded_size'),
        ({'decoded_size': None}, 'decoded_size'),
        ({'scale': NAN}, 'bad_scale'),
        ({'zero_point': NAN}, 'bad_scale'),
        ({'scale': np.ones(1, np.float32)}, 'bad_scale'),
        ({'scale': -ENCODED.scale}, 'bad_scale'),
        ({'scale': np.full(2, 3e38, np.float32)}, 'non_finite'),
        ({'crc32': ENCODED.crc32 ^ 1}, 'checksum'),
        ({'crc32': None}, 'checksum'),
        ({'payload': ENCODED.payload[:-1]}, 'checksum'),
        ({'payload': b''}, 'checksum'),
        ({'payload': bytes([ENCODED.payload[0] ^ 4]) + ENCODED.payload[1:]}, 'checksum'),
        ({'payload': 'text'}, 'corrupt_payload'),
        ({'payload': bytes(MAX_PAYLOAD_BYTES + 1)}, 'too_large'),
    ],
)
def test_every_damaged_field_has_its_named_error(change, cause):
    with pytest.raises(errors.TransportError) as caught:
        decode_feature(replace(ENCODED, **change))
    assert caught.value.cause == cause
    assert str(caught.value)


def test_bad_zstd_data_behind_a_right_checksum():
    payload = ENCODED.payload[:10] + bytes(20)
    with pytest.raises(errors.CorruptPayloadError):
        decode_feature(replace(ENCODED, payload=payload, crc32=zlib.crc32(payload)))


def test_causes_are_unique_and_snake_case():
    classes = errors.TransportError.__subclasses__()
    causes = [item.cause for item in classes]
    assert len(set(causes)) == len(causes) > 10
    assert all(cause.replace('_', '').isalnum() and cause.islower() for cause in causes)


def test_decoder_allocates_nothing_near_a_declared_size():
    """A decoder limited to 512 MiB of address space survives declared sizes of gigabytes."""
    script = """
import resource, sys, zlib
from dataclasses import replace
import numpy as np
from emiff_ros.transport.codec import decode_feature, encode_feature
from emiff_ros.transport.errors import TransportError
good = encode_feature(np.zeros((1, 8, 8)))
used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**26, used + 2**26))
frame = bytes.fromhex('28b52ffda0ffffffff') + b'\\x09\\0\\0A'
for change in ({'decoded_size': 2**32 - 1}, {'shape': (1, 2**31, 2**31)},
               {'payload': frame, 'crc32': zlib.crc32(frame), 'decoded_size': 2**32 - 1},
               {'payload': frame, 'crc32': zlib.crc32(frame), 'coder': 1}):
    try:
        decode_feature(replace(good, **change))
    except TransportError as error:
        print(error.cause)
"""
    result = subprocess.run(
        [sys.executable, '-c', script], capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout.split() == ['decoded_size', 'too_large', 'decoded_size', 'decoded_size']


def test_codec_needs_neither_ros_nor_torch():
    script = (
        'import sys, emiff_ros.transport.codec, emiff_ros.transport.feature_message, '
        'emiff_ros.transport.detection_message; '
        "print([m for m in ('rclpy', 'torch', 'emiff_msgs', 'vision_msgs') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, '-c', script], capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout.strip() == '[]'


def test_encoded_feature_is_immutable():
    assert isinstance(ENCODED, EncodedFeature)
    with pytest.raises(AttributeError):
        ENCODED.payload = b''
