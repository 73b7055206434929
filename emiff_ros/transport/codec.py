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

"""Feature tensor to payload bytes and back: quantise, code, check.

The decoder treats every field as hostile. Sizes are compared as integers before anything is
allocated; it raises nothing but :class:`~emiff_ros.transport.errors.TransportError`, and holds at
most ``4 * 4 * MAX_VALUES`` bytes (64 MiB) beyond the payload.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import math
import operator
import zlib

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emiff_ros.transport.coding import RAW, ZSTD, Coder, coder_from
from emiff_ros.transport.errors import (
    ChecksumError,
    CorruptPayloadError,
    DecodedSizeError,
    NonFiniteError,
    ShapeError,
    TooLargeError,
    UnsupportedCoderError,
    UnsupportedVersionError,
)
from emiff_ros.transport.quantization import (
    Layout,
    Quantization,
    as_parameters,
    check_affine_parameters,
    dequantize,
    quantize,
)

FORMAT_VERSION = 1
MAX_CHANNELS = 1024
MAX_VALUES = 4 * 1024 * 1024
MAX_PAYLOAD_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, eq=False)
class EncodedFeature:
    """One encoded tensor: the payload and all that is needed to read it.

    Attributes:
        shape: channels, height, width.
        quantization: number format, see :class:`~emiff_ros.transport.quantization.Quantization`.
        scale: float32 ``[C]`` for integer formats, else empty.
        zero_point: float32 ``[C]`` for integer formats, else empty; in units of the codes.
        coder: number of the entropy coder.
        decoded_size: bytes after the entropy decoder.
        crc32: CRC-32 (zlib) of the payload.
        payload: the bytes that travel.
        format_version: version of all of the above.
    """

    shape: tuple[int, int, int]
    quantization: int
    scale: NDArray[np.float32]
    zero_point: NDArray[np.float32]
    coder: int
    decoded_size: int
    crc32: int
    payload: bytes
    format_version: int = FORMAT_VERSION


def encode_feature(
    tensor: ArrayLike,
    quantization: Quantization | int | str = Quantization.INT8,
    coder: Coder | int | str = 'zstd',
    levels: int | None = None,
) -> EncodedFeature:
    """Encode a feature tensor ``[C, H, W]`` (float32, finite).

    Where the coder does not take the tensor (rans: floats, or very many values) zstd does. If the
    coder does not make the bytes smaller they travel raw, so the payload is never larger than
    ``Quantization.byte_count``.

    Args:
        tensor: array-like of C <= 1024 channels.
        quantization: number format or its name; the error is at most
            :func:`~emiff_ros.transport.quantization.error_bound`.
        coder: entropy coder or its name.
        levels: steps of an integer format, where fewer than it allows are wanted.

    Raises:
        ValueError: for levels that the format does not have.
        ShapeError: if the tensor is not ``[C, H, W]`` or is empty.
        TooLargeError: for too many channels or values, or a payload above 4 MiB.
        NonFiniteError: for NaN or infinite values.
        ValueRangeError: for values that do not fit into float16.
        UnsupportedQuantizationError: for an unknown number format.
        UnsupportedCoderError: for an unknown coder.
    """
    quantization = Quantization.parse(quantization)
    coder = coder_from(coder)
    array = checked_tensor(tensor)
    data, scale, zero_point = quantize(array, quantization, levels)
    return encode_codes(data, Layout(array.shape, quantization), scale, zero_point, coder)


def encode_codes(
    data: bytes,
    layout: Layout,
    scale: NDArray[np.float32],
    zero_point: NDArray[np.float32],
    coder: Coder | int | str,
) -> EncodedFeature:
    """Code what is quantised already; arguments and errors as of :func:`encode_feature`."""
    coder = coder_from(coder)
    if not coder.takes(layout):
        coder = ZSTD
    payload = coder.encode(data, layout)
    if len(payload) >= len(data):
        coder, payload = RAW, data
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise TooLargeError(
            f'payload of {len(payload)} bytes exceeds {MAX_PAYLOAD_BYTES}; '
            'use a coarser quantization or more compression stages'
        )
    return EncodedFeature(
        shape=layout.shape,
        quantization=int(layout.quantization),
        scale=scale,
        zero_point=zero_point,
        coder=coder.code,
        decoded_size=len(data),
        crc32=zlib.crc32(payload),
        payload=payload,
    )


def decode_feature(encoded: EncodedFeature) -> NDArray[np.float32]:
    """Decode a received feature into a finite float32 tensor ``[C, H, W]``.

    Raises:
        TransportError: a subclass for each cause; nothing else is raised.
    """
    if encoded.format_version != FORMAT_VERSION:
        raise UnsupportedVersionError(
            f'format version {encoded.format_version!r}; this decoder reads {FORMAT_VERSION}; '
            'use the same release on both sides'
        )
    quantization = Quantization.parse(encoded.quantization)
    if not isinstance(encoded.coder, int):
        raise UnsupportedCoderError(f'coder {encoded.coder!r} is no integer')
    coder = coder_from(encoded.coder)
    shape = checked_shape(encoded.shape)
    expected_size = quantization.byte_count(math.prod(shape))
    if encoded.decoded_size != expected_size:
        raise DecodedSizeError(
            f'decoded size {encoded.decoded_size!r}; shape {list(shape)} in {quantization.name} '
            f'needs {expected_size} bytes'
        )
    scale = as_parameters(encoded.scale, 'scale')
    zero_point = as_parameters(encoded.zero_point, 'zero_point')
    check_affine_parameters(scale, zero_point, shape[0], quantization)
    payload = _checked_payload(encoded.payload)
    checksum = zlib.crc32(payload)
    if checksum != encoded.crc32:
        raise ChecksumError(
            f'payload has CRC-32 {checksum:08x}; the header declares {encoded.crc32!r}'
        )
    data = coder.decode(payload, Layout(shape, quantization))
    return dequantize(data, shape, quantization, scale, zero_point)


def checked_tensor(tensor: ArrayLike) -> NDArray[np.float32]:
    """Return a feature tensor ``[C, H, W]`` as a finite float32 array.

    Raises:
        ShapeError: if it is not ``[C, H, W]`` or is empty.
        TooLargeError: for too many channels or values.
        NonFiniteError: for NaN or infinite values.
    """
    try:
        with np.errstate(over='ignore'):
            array = np.ascontiguousarray(tensor, np.float32)
    except (TypeError, ValueError) as error:
        raise ShapeError(f'tensor is no array of numbers: {error}') from None
    checked_shape(array.shape)
    if not np.isfinite(array).all():
        raise NonFiniteError('the tensor holds NaN or infinite values; nothing is sent')
    return array


def checked_shape(shape: Sequence[int]) -> tuple[int, int, int]:
    """Return ``shape`` as three positive integers whose product is acceptable.

    Raises:
        ShapeError: if it is not three positive integers.
        TooLargeError: above ``MAX_CHANNELS`` or ``MAX_VALUES``.
    """
    try:
        sizes = tuple(operator.index(size) for size in shape)
    except TypeError:
        raise ShapeError(f'shape {shape!r} is not three integers') from None
    if len(sizes) != 3 or min(sizes) < 1:
        raise ShapeError(
            f'shape {list(sizes)}; expected [channels, height, width], each at least 1'
        )
    if sizes[0] > MAX_CHANNELS or math.prod(sizes) > MAX_VALUES:
        raise TooLargeError(
            f'shape {list(sizes)} exceeds {MAX_CHANNELS} channels or {MAX_VALUES} values'
        )
    return sizes


def _checked_payload(payload: bytes) -> bytes:
    try:
        view = memoryview(payload)
    except TypeError:
        raise CorruptPayloadError(
            f'payload is a {type(payload).__name__}; expected bytes'
        ) from None
    if view.nbytes > MAX_PAYLOAD_BYTES:
        raise TooLargeError(f'payload of {view.nbytes} bytes exceeds {MAX_PAYLOAD_BYTES}')
    return payload if isinstance(payload, bytes) else view.tobytes()
