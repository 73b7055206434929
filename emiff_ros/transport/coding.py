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

"""Lossless coders between quantised bytes and payload bytes.

``rans`` is the smallest one for integer codes, ``zstd`` takes every number format and needs no
model of the data; ``benchmark/transport/compare_coders.py`` compares them with what was not kept.
"""

import functools
import threading
from typing import Protocol

import zstandard

from emiff_ros.transport.errors import CorruptPayloadError, DecodedSizeError, UnsupportedCoderError
from emiff_ros.transport.quantization import Layout
from emiff_ros.transport.rans_coder import RansCoder

DEFAULT_ZSTD_LEVEL = 15


class Coder(Protocol):
    """A lossless coder; ``code`` is its number on the wire and ``name`` its parameter value."""

    code: int
    name: str

    def takes(self, layout: Layout) -> bool:
        """Tell whether data of this layout can be coded."""

    def encode(self, data: bytes, layout: Layout) -> bytes:
        """Return the payload of ``data``."""

    def decode(self, payload: bytes, layout: Layout) -> bytes:
        """Return exactly ``layout.byte_count`` bytes or raise a TransportError."""


class RawCoder:
    """The bytes as they are."""

    code = 0
    name = 'raw'

    def takes(self, layout: Layout) -> bool:
        """Return True."""
        return True

    def encode(self, data: bytes, layout: Layout) -> bytes:
        """Return ``data``."""
        return data

    def decode(self, payload: bytes, layout: Layout) -> bytes:
        """Return ``payload``.

        Raises:
            DecodedSizeError: if its length is not that of the layout.
        """
        if len(payload) != layout.byte_count:
            raise DecodedSizeError(
                f'raw payload of {len(payload)} bytes; the header declares {layout.byte_count}'
            )
        return payload


class ZstdCoder:
    """One standard Zstandard frame (RFC 8878) with its content size, without dictionary."""

    code = 1
    name = 'zstd'

    def __init__(self, level: int = DEFAULT_ZSTD_LEVEL) -> None:
        """Choose the compression level, 1 to 22.

        Raises:
            ValueError: for another level.
        """
        if not 1 <= level <= 22:
            raise ValueError(f'zstd level {level} is not known; expected 1 to 22')
        self._level = level
        self._local = threading.local()

    def takes(self, layout: Layout) -> bool:
        """Return True."""
        return True

    def encode(self, data: bytes, layout: Layout) -> bytes:
        """Return ``data`` as one frame."""
        return self._context('compressor').compress(data)

    def decode(self, payload: bytes, layout: Layout) -> bytes:
        """Return the content of the one frame in ``payload``.

        The content size in the frame header comes from the sender and decides what the library
        allocates, so it must equal that of the layout before anything is decompressed.

        Raises:
            DecodedSizeError: if the frame declares or holds another number of bytes.
            CorruptPayloadError: if ``payload`` is not exactly one plain frame.
        """
        decoded_size = layout.byte_count
        try:
            frame = zstandard.get_frame_parameters(payload)
        except zstandard.ZstdError as error:
            raise CorruptPayloadError(f'payload is no zstd frame: {error}') from None
        if frame.content_size != decoded_size:
            declared = (
                'no content size'
                if frame.content_size == zstandard.CONTENTSIZE_UNKNOWN
                else f'{frame.content_size} bytes'
            )
            raise DecodedSizeError(
                f'zstd frame declares {declared}; the message header declares {decoded_size}'
            )
        if frame.dict_id:
            raise CorruptPayloadError(
                f'zstd frame needs dictionary {frame.dict_id}; expected none'
            )
        try:
            data = self._context('decompressor').decompress(
                payload, max_output_size=decoded_size, allow_extra_data=False
            )
        except zstandard.ZstdError as error:
            raise CorruptPayloadError(f'zstd rejects the payload: {error}') from None
        if len(data) != decoded_size:
            raise DecodedSizeError(
                f'zstd frame held {len(data)} bytes; the message header declares {decoded_size}'
            )
        return data

    def _context(self, kind: str) -> zstandard.ZstdCompressor | zstandard.ZstdDecompressor:
        # zstandard's contexts must not be shared between threads.
        context = getattr(self._local, kind, None)
        if context is None:
            if kind == 'compressor':
                context = zstandard.ZstdCompressor(
                    level=self._level, write_checksum=False, write_content_size=True
                )
            else:
                context = zstandard.ZstdDecompressor(max_window_size=1 << 24)
            setattr(self._local, kind, context)
        return context


@functools.lru_cache(maxsize=22)
def zstd_coder(level: int) -> ZstdCoder:
    """Return the coder of a compression level, 1 (fast) to 22 (small).

    Raises:
        ValueError: for another level.
    """
    return ZstdCoder(level)


RAW = RawCoder()
ZSTD = zstd_coder(DEFAULT_ZSTD_LEVEL)
RANS = RansCoder()
_CODERS: dict[int, Coder] = {coder.code: coder for coder in (RAW, ZSTD, RANS)}


def coder_from(value: 'Coder | int | str') -> Coder:
    """Return the coder named ``value`` (``'zstd'``), numbered ``value`` (1), or ``value`` itself.

    Raises:
        UnsupportedCoderError: if there is no such coder.
    """
    if hasattr(value, 'encode') and hasattr(value, 'decode') and hasattr(value, 'code'):
        return value
    for coder in _CODERS.values():
        if value == coder.name or (isinstance(value, int) and value == coder.code):
            return coder
    names = ', '.join(f'{coder.name} ({coder.code})' for coder in _CODERS.values())
    raise UnsupportedCoderError(f'coder {value!r} is not known; expected one of {names}')
