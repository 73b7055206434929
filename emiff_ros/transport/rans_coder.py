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

The model is :mod:`~emiff_ros.transport.context_model`, the entropy coder
:mod:`~emiff_ros.transport.ans_stack`. A payload is one byte with the largest code, then the 32-bit
words of the stack, little-endian. It holds no table and needs no trained one, so it fits any
network's features.
"""

import math

import numpy as np
from numpy.typing import NDArray

from emiff_ros.transport.ans_stack import AnsStack, cumulative_frequencies
from emiff_ros.transport.context_model import ContextModel, context_model, learned, passes
from emiff_ros.transport.errors import (
    CorruptPayloadError,
    TooLargeError,
    UnsupportedCoderError,
)
from emiff_ros.transport.quantization import Layout, bytes_from_codes, codes_from_bytes

MAX_CODED_VALUES = 2**17
"""Largest tensor that this coder takes: it spends some 0.2 us and 90 bytes on each value, however
short the payload is, so this bounds what a hostile message can cost."""


class RansCoder:
    """Context-modelled rANS for INT8 and INT4; it refuses other number formats."""

    code = 2
    name = 'rans'

    def takes(self, layout: Layout) -> bool:
        """Tell whether data of this layout can be coded."""
        return layout.quantization.is_integer and layout.value_count <= MAX_CODED_VALUES

    def encode(self, data: bytes, layout: Layout) -> bytes:
        """Return the payload of ``data``."""
        codes = codes_from_bytes(data, layout).reshape(layout.shape[0], -1).T.astype(np.int16, 'C')
        largest = int(codes.max())
        if largest == 0:
            return b'\0'
        model = context_model(largest)
        tables, steps = model.tables, []
        for step in passes(*layout.shape[1:]):
            context = model.context(codes, step)
            bucket, offset = model.parts(codes, step)
            steps.append((cumulative_frequencies(tables), context, bucket, offset))
            if step.teaches:
                tables = learned(tables, context, bucket)
        stack = AnsStack(capacity=2 * codes.size)
        for cumulative, context, bucket, offset in reversed(steps):
            stack.push_uniform(offset, bucket, model.width)
            stack.push(bucket, context, cumulative)
        return bytes([largest]) + stack.words.astype('<u4').tobytes()

    def decode(self, payload: bytes, layout: Layout) -> bytes:
        """Return the ``layout.byte_count`` bytes that ``payload`` stands for.

        Raises:
            UnsupportedCoderError: for a number format without codes.
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
    words = np.frombuffer(payload, '<u4', offset=1).astype(np.uint32)
    try:
        stack = AnsStack.from_words(words)
    except ValueError as error:
        raise CorruptPayloadError(f'rans rejects the payload: {error}') from None
    codes = np.zeros((math.prod(shape[1:]), shape[0]), np.int16)
    tables = model.tables
    for step in passes(*shape[1:]):
        context = model.context(codes, step)
        bucket = stack.pop(context, cumulative_frequencies(tables))
        offset = stack.pop_uniform(bucket, model.width)
        model.put_together(codes, step, bucket, offset)
        if step.teaches:
            tables = learned(tables, context, bucket)
    if not stack.is_empty:
        raise CorruptPayloadError('rans payload holds more or other data than the tensor')
    return codes.T.reshape(shape).astype(np.uint8)
