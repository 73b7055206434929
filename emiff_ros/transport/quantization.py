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

"""Number formats of a transmitted tensor and their worst-case errors.

Integer formats are affine per channel: ``value = (code - zero_point) * scale`` with codes
0..255 (INT8) or 0..15 (INT4). Scale and zero point come from the smallest and largest value of the
channel, so nothing is clipped, and the smallest value of a channel (0 after a ReLU) is code 0.
"""

import enum
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from emiff_ros.compiled import compiled
from emiff_ros.transport.errors import (
    NonFiniteError,
    ScaleError,
    UnsupportedQuantizationError,
    ValueRangeError,
)

FLOAT16_MAX = 65504.0
INTEGER_MAX = 1e37  # keeps every decoded value finite in float32
_ROUNDING = 2.0**-22  # four float32 roundings of half a unit each


class Quantization(enum.IntEnum):
    """Number format of the payload; the values are those of the wire."""

    FLOAT32 = 0
    FLOAT16 = 1
    INT8 = 2
    INT4 = 3

    @classmethod
    def parse(cls, value: 'Quantization | int | str') -> 'Quantization':
        """Return the format named ``value`` (``'int8'``) or numbered ``value`` (2).

        Raises:
            UnsupportedQuantizationError: if there is no such format.
        """
        try:
            return cls[value.upper()] if isinstance(value, str) else cls(value)
        except (KeyError, ValueError, TypeError):
            names = ', '.join(f'{item.name.lower()} ({item.value})' for item in cls)
            raise UnsupportedQuantizationError(
                f'quantization {value!r} is not known; expected one of {names}'
            ) from None

    @property
    def is_integer(self) -> bool:
        """Tell whether values travel as integer codes with a scale and a zero point."""
        return self in (Quantization.INT8, Quantization.INT4)

    @property
    def levels(self) -> int:
        """Largest integer code (the number of steps between smallest and largest value)."""
        return {Quantization.INT8: 255, Quantization.INT4: 15}.get(self, 0)

    def byte_count(self, value_count: int) -> int:
        """Return the bytes that ``value_count`` values occupy before the entropy coder."""
        if self is Quantization.INT4:
            return (value_count + 1) // 2
        return value_count * {0: 4, 1: 2, 2: 1}[int(self)]


class Layout(NamedTuple):
    """What the bytes before the entropy coder are.

    Attributes:
        shape: channels, height, width.
        quantization: number format.
    """

    shape: tuple[int, int, int]
    quantization: Quantization

    @property
    def value_count(self) -> int:
        """Return the number of values."""
        return math.prod(self.shape)

    @property
    def byte_count(self) -> int:
        """Return the bytes before the entropy coder."""
        return self.quantization.byte_count(self.value_count)


def codes_from_bytes(data: bytes, layout: Layout) -> NDArray[np.uint8]:
    """Return the codes of an integer format as ``[C, H, W]``."""
    codes = np.frombuffer(data, np.uint8)
    if layout.quantization is Quantization.INT4:
        codes = _unpack_nibbles(codes, layout.value_count)
    return codes.reshape(layout.shape)


def bytes_from_codes(codes: NDArray[np.uint8], quantization: Quantization) -> bytes:
    """Return the codes of an integer format as they travel: INT4 as two codes in a byte."""
    if quantization is Quantization.INT4:
        codes = _pack_nibbles(codes.ravel())
    return codes.tobytes()


def quantize(
    tensor: NDArray[np.float32], quantization: Quantization, levels: int | None = None
) -> tuple[bytes, NDArray[np.float32], NDArray[np.float32]]:
    """Turn a finite float32 tensor ``[C, H, W]`` into bytes, scale ``[C]`` and zero point ``[C]``.

    Floats are little-endian and have an empty scale and zero point. INT4 packs two codes into a
    byte, the first one in the low nibble; an odd last nibble is 0.

    Args:
        tensor: finite values.
        quantization: number format.
        levels: steps between the smallest and the largest value of a channel, where fewer than
            the integer format allows are wanted; any receiver reads them, as scale says it all.

    Raises:
        ValueError: for levels that the format does not have.
        ValueRangeError: if a value does not fit into float16, or is above 1e37 for integers.
    """
    empty = np.empty(0, np.float32)
    if quantization is Quantization.FLOAT32:
        return tensor.astype('<f4').tobytes(), empty, empty
    smallest, largest = extents(tensor)
    check_range(smallest, largest, quantization)
    if quantization is Quantization.FLOAT16:
        return tensor.astype('<f2').tobytes(), empty, empty
    levels = quantization.levels if levels is None else levels
    if not 1 <= levels <= quantization.levels:
        raise ValueError(f'{levels} levels; {quantization.name} has 1 to {quantization.levels}')
    scale, zero_point = _affine_parameters(smallest, largest, levels)
    codes = _nearest_codes(tensor, scale, zero_point, levels)
    return bytes_from_codes(codes, quantization), scale, zero_point


@compiled
def extents(
    tensor: NDArray[np.float32],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the smallest and the largest value of each channel of a tensor ``[C, H, W]``."""
    channels = len(tensor)
    smallest, largest = np.empty(channels), np.empty(channels)
    for channel in range(channels):
        low = high = tensor[channel, 0, 0]
        for row in tensor[channel]:
            for value in row:
                low, high = min(low, value), max(high, value)
        smallest[channel], largest[channel] = low, high
    return smallest, largest


def check_range(
    smallest: NDArray[np.float64], largest: NDArray[np.float64], quantization: Quantization
) -> None:
    """Check that values between the extents of channels fit FLOAT16 or an integer format.

    Raises:
        ValueRangeError: if a value is too large.
    """
    farthest = max(float(largest.max()), -float(smallest.min()))
    limit = FLOAT16_MAX if quantization is Quantization.FLOAT16 else INTEGER_MAX
    if farthest > limit:
        raise ValueRangeError(
            f'value {farthest:.6g} does not fit {quantization.name.lower()} (largest {limit:g}); '
            'use float32'
        )


def dequantize(
    data: bytes,
    shape: tuple[int, int, int],
    quantization: Quantization,
    scale: NDArray[np.float32],
    zero_point: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Turn bytes of exactly ``quantization.byte_count`` back into a float32 tensor ``[C, H, W]``.

    Raises:
        NonFiniteError: if a value of the result is NaN or infinite.
    """
    if quantization.is_integer:
        tensor = codes_from_bytes(data, Layout(shape, quantization)).astype(np.float32)
        with np.errstate(over='ignore', invalid='ignore'):
            tensor -= zero_point[:, None, None]
            tensor *= scale[:, None, None]
    else:
        kind = '<f4' if quantization is Quantization.FLOAT32 else '<f2'
        tensor = np.frombuffer(data, kind).astype(np.float32).reshape(shape)
    if not np.isfinite(tensor).all():
        raise NonFiniteError('the decoded tensor holds NaN or infinite values; it is not used')
    return tensor


def check_affine_parameters(
    scale: NDArray[np.float32],
    zero_point: NDArray[np.float32],
    channels: int,
    quantization: Quantization,
) -> None:
    """Check received scales and zero points before they are used.

    Raises:
        ScaleError: for a wrong length, or a number that is not finite or not positive.
    """
    expected = channels if quantization.is_integer else 0
    for name, values in (('scale', scale), ('zero_point', zero_point)):
        if values.shape != (expected,):
            raise ScaleError(
                f'{name} has shape {values.shape}; expected ({expected},) for '
                f'{channels} channels of {quantization.name}'
            )
        if not np.isfinite(values).all():
            raise ScaleError(f'{name} holds NaN or infinite values; expected finite numbers')
    if (scale <= 0).any():
        raise ScaleError(f'scale {float(scale.min()):.3g} is not positive')


def error_bound(
    quantization: Quantization,
    scale: NDArray[np.float32],
    zero_point: NDArray[np.float32],
    largest: float = 0.0,
) -> NDArray[np.float64]:
    """Return the largest possible absolute error per channel (one number for float formats).

    Integer codes are rounded to nearest without clipping, so the error is half a step plus the
    float32 rounding of scale, zero point and result. FLOAT16 rounds to 11 significant bits.

    Args:
        quantization: the number format.
        scale: per channel, from :func:`quantize`.
        zero_point: per channel, from :func:`quantize`.
        largest: largest absolute value of the tensor, for FLOAT16 only.
    """
    if quantization is Quantization.FLOAT32:
        return np.zeros(1)
    if quantization is Quantization.FLOAT16:
        return np.array([max(largest * 2.0**-11, 2.0**-25)])
    wide_scale, wide_zero = scale.astype(np.float64), np.abs(zero_point.astype(np.float64))
    return wide_scale * (0.5 + (wide_zero + quantization.levels) * _ROUNDING)


def _affine_parameters(
    smallest: NDArray[np.float64], largest: NDArray[np.float64], levels: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    spread = largest - smallest
    # A constant channel is exact: code 1 (or 0 below zero) stands for the constant itself.
    constant = spread == 0
    step = np.where(constant, np.abs(smallest), spread / levels)
    scale = np.maximum(step, float(np.finfo(np.float32).tiny)).astype(np.float32)
    zero_point = np.where(constant, smallest < 0, -smallest / scale.astype(np.float64))
    return scale, zero_point.astype(np.float32) + np.float32(0.0)


@compiled
def _nearest_codes(
    tensor: NDArray[np.float32],
    scale: NDArray[np.float32],
    zero_point: NDArray[np.float32],
    levels: int,
) -> NDArray[np.uint8]:
    codes = np.empty(tensor.shape, np.uint8)
    for channel in range(len(tensor)):
        step, zero = np.float64(scale[channel]), np.float64(zero_point[channel])
        for row in range(tensor.shape[1]):
            for column in range(tensor.shape[2]):
                code = np.rint(tensor[channel, row, column] / step + zero)
                codes[channel, row, column] = np.uint8(min(max(code, 0.0), np.float64(levels)))
    return codes


def _pack_nibbles(codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if codes.size % 2:
        codes = np.append(codes, np.uint8(0))
    return codes[0::2] | (codes[1::2] << 4)


def _unpack_nibbles(packed: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    codes = np.empty(packed.size * 2, np.uint8)
    codes[0::2] = packed & 15
    codes[1::2] = packed >> 4
    return codes[:count]


def as_parameters(values: ArrayLike, name: str) -> NDArray[np.float32]:
    """Return scale or zero point as a one-dimensional float32 array.

    Raises:
        ScaleError: if ``values`` is not a sequence of numbers.
    """
    try:
        with np.errstate(over='ignore'):
            array = np.asarray(values, np.float32)
    except (TypeError, ValueError, OverflowError):
        raise ScaleError(f'{name} is not a sequence of numbers') from None
    if array.ndim != 1:
        raise ScaleError(f'{name} has {array.ndim} dimensions; expected 1')
    return array
