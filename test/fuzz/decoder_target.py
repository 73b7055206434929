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

"""What the fuzzers feed to the decoder: bytes as an encoded feature, and seeds of real ones.

Layout, little-endian: version u16, quantization u8, coder u8, shape 3 x u32, decoded size u32,
flags u8 (bit 0: put the right CRC in, so that the mutation reaches the entropy decoder), length
of scale u8, length of zero point u8, then the scale, the zero point and the payload.
"""

import struct
import zlib

import numpy as np

from emiff_ros.transport.codec import EncodedFeature, decode_feature, encode_feature
from emiff_ros.transport.errors import TransportError
from emiff_ros.transport.quantization import Quantization

_HEAD = struct.Struct('<HBB3IIBBB')
WRONG_CRC, RIGHT_CRC = 0, 1


def to_bytes(encoded: EncodedFeature, flags: int = RIGHT_CRC) -> bytes:
    """Return the fuzzer input that stands for ``encoded``."""
    head = _HEAD.pack(
        encoded.format_version,
        encoded.quantization,
        encoded.coder,
        *encoded.shape,
        encoded.decoded_size,
        flags,
        len(encoded.scale),
        len(encoded.zero_point),
    )
    parameters = encoded.scale.astype('<f4').tobytes() + encoded.zero_point.astype('<f4').tobytes()
    return head + parameters + encoded.payload


def from_bytes(data: bytes) -> EncodedFeature:
    """Return the encoded feature that any fuzzer input stands for."""
    data = data.ljust(_HEAD.size, b'\0')
    version, kind, coder, *rest = _HEAD.unpack_from(data)
    *shape, decoded_size, flags, scales, zeros = rest
    end = _HEAD.size + 4 * scales
    scale, data_left = data[_HEAD.size : end], data[end:]
    zero_point, payload = data_left[: 4 * zeros], data_left[4 * zeros :]
    crc = zlib.crc32(payload)
    return EncodedFeature(
        format_version=version,
        shape=tuple(shape),
        quantization=kind,
        scale=np.frombuffer(scale[: len(scale) // 4 * 4], '<f4'),
        zero_point=np.frombuffer(zero_point[: len(zero_point) // 4 * 4], '<f4'),
        coder=coder,
        decoded_size=decoded_size,
        crc32=crc if flags & 1 else crc ^ 0x5A5A,
        payload=payload,
    )


def seeds() -> list[bytes]:
    """Return inputs of valid features: each number format with each coder."""
    rows, columns = np.mgrid[0:17, 0:30]
    tensor = np.maximum(np.sin(rows / 3) * np.cos(columns / 5), 0)[None].repeat(2, axis=0)
    features = [
        encode_feature(tensor, quantization, coder)
        for quantization in Quantization
        for coder in ('raw', 'zstd', 'rans')
    ]
    return [to_bytes(feature) for feature in features]


def decode_hostile(data: bytes) -> str:
    """Decode any input; return the cause of the refusal or ``decoded``.

    Raises:
        AssertionError: if the decoded tensor breaks a promise of the decoder.
    """
    encoded = from_bytes(data)
    try:
        tensor = decode_feature(encoded)
    except TransportError as error:
        assert error.cause != 'transport', 'an error without a cause of its own'
        return error.cause
    assert tensor.shape == encoded.shape
    assert tensor.dtype == np.float32
    assert np.isfinite(tensor).all()
    return 'decoded'
