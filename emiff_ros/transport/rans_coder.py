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

"""Context-modelled rANS for the integer codes of a feature map.

The model is :mod:`~emiff_ros.transport.context_model`; the entropy coder is constriction's. A
payload is one byte with the largest code, then the 32-bit words of the coder's state,
little-endian. It holds no table and needs no trained one, so it fits any network's features.
"""

import importlib
import math
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from emiff_ros.transport.context_model import (
    IN_RANGE,
    ContextModel,
    context_model,
    learned,
    passes,
)
from emiff_ros.transport.errors import (
    CorruptPayloadError,
    TooLargeError,
    UnsupportedCoderError,
)
from emiff_ros.transport.quantization import Layout, bytes_from_codes, codes_from_bytes

MAX_CODED_VALUES = 2**17
"""Largest tensor that this coder takes: it spends some 0.2 us and 90 bytes on each value, however
short the payload is, so this bounds what a hostile message can cost."""

_BLOCK = 1024  # values whose frequencies are gathered at once


class RansCoder:
    """Context-modelled rANS for INT8 and INT4; it refuses other number formats."""

    code = 2
    name = 'rans'

    def takes(self, layout: Layout) -> bool:
        """Tell whether data of this layout can be coded."""
        return layout.quantization.is_integer and layout.value_count <= MAX_CODED_VALUES

    def encode(self, data: bytes, layout: Layout) -> bytes:
        """Return the payload of ``data``.

        Raises:
            UnsupportedCoderError: if constriction is not installed.
        """
        stream = _stream()
        codes = codes_from_bytes(data, layout).reshape(layout.shape[0], -1).T.astype(np.int16, 'C')
        largest = int(codes.max())
        if largest == 0:
            return b'\0'
        model = context_model(largest)
        tables, steps = model.tables, []
        for step in passes(*layout.shape[1:]):
            context = model.context(codes, step)
            values = codes.take(step.cells, axis=0, mode=IN_RANGE).T.ravel()
            bucket = model.bucket_of.take(values, mode=IN_RANGE)
            steps.append((tables, context, bucket, values))
            if step.teaches:
                tables = learned(tables, context, bucket)
        coder = stream.stack.AnsCoder()
        buckets, offsets = stream.model.Categorical(perfect=False), stream.model.Uniform()
        for tables, context, bucket, values in reversed(steps):  # the coder is a stack
            shared = np.flatnonzero(model.is_shared.take(values, mode=IN_RANGE))
            coder.encode_reverse(
                model.offset_of.take(values.take(shared, mode=IN_RANGE), mode=IN_RANGE),
                offsets,
                model.width.take(bucket.take(shared, mode=IN_RANGE), mode=IN_RANGE),
            )
            for start in reversed(range(0, len(context), _BLOCK)):
                block = slice(start, start + _BLOCK)
                rows = tables.take(context[block], axis=0)
                coder.encode_reverse(bucket[block], buckets, rows)
        return bytes([largest]) + coder.get_compressed().astype('<u4').tobytes()

    def decode(self, payload: bytes, layout: Layout) -> bytes:
        """Return the ``layout.byte_count`` bytes that ``payload`` stands for.

        Raises:
            UnsupportedCoderError: for a number format without codes, or without constriction.
            TooLargeError: above ``MAX_CODED_VALUES`` values.
            CorruptPayloadError: if no encoder has written ``payload``.
        """
        quantization = layout.quantization
        if not quantization.is_integer:
            raise UnsupportedCoderError(
                f'coder {self.name} codes int8 and int4; the tensor is {quantization.name.lower()}'
            )
        if layout.value_count > MAX_CODED_VALUES:
            raise TooLargeError(
                f'{layout.value_count} values; coder {self.name} takes at most {MAX_CODED_VALUES}'
            )
        if len(payload) % 4 != 1:
            raise CorruptPayloadError(
                f'rans payload of {len(payload)} bytes; expected one byte and whole 32-bit words'
            )
        largest = payload[0]
        if largest > quantization.levels:
            raise CorruptPayloadError(
                f'rans payload declares codes up to {largest}; {quantization.name} ends at '
                f'{quantization.levels}'
            )
        if largest == 0:
            if len(payload) > 1:
                raise CorruptPayloadError('rans payload declares zeros only, but holds data')
            return bytes(layout.byte_count)
        codes = _decode_codes(payload, layout.shape, context_model(largest))
        return bytes_from_codes(codes, quantization)


def _decode_codes(
    payload: bytes, shape: tuple[int, int, int], model: ContextModel
) -> NDArray[np.uint8]:
    stream = _stream()
    try:
        coder = stream.stack.AnsCoder(np.frombuffer(payload, '<u4', offset=1).astype(np.uint32))
    except ValueError as error:
        raise CorruptPayloadError(f'rans rejects the payload: {error}') from None
    codes = np.zeros((math.prod(shape[1:]), shape[0]), np.int16)
    tables = model.tables
    buckets, offsets = stream.model.Categorical(perfect=False), stream.model.Uniform()
    for step in passes(*shape[1:]):
        context = model.context(codes, step)
        bucket = np.concatenate(
            [
                coder.decode(buckets, tables.take(context[start : start + _BLOCK], axis=0))
                for start in range(0, len(context), _BLOCK)
            ]
        )
        values, width = (
            model.first.take(bucket, mode=IN_RANGE),
            model.width.take(bucket, mode=IN_RANGE),
        )
        wide = np.flatnonzero(width > 1)
        values[wide] += coder.decode(offsets, width.take(wide, mode=IN_RANGE))
        codes[step.cells] = values.reshape(shape[0], -1).T
        if step.teaches:
            tables = learned(tables, context, bucket)
    if not coder.is_empty():
        raise CorruptPayloadError('rans payload holds more or other data than the tensor')
    return codes.T.reshape(shape).astype(np.uint8)


def _stream() -> ModuleType:
    try:
        return importlib.import_module('constriction').stream
    except ImportError:
        raise UnsupportedCoderError(
            'coder rans needs the Python package constriction: pip install constriction'
        ) from None
