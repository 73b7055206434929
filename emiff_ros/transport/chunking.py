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

"""Cuts a message into pieces of one radio packet each, with repair pieces among them.

The erasure code is RaptorQ (RFC 6330, library raptorq): any set of pieces about as large as the
message gives it back. What a piece looks like follows from the length of the message alone, so
there is nothing in a piece that a receiver has to believe.
"""

from dataclasses import dataclass
import math
import zlib

import raptorq

from emiff_ros.transport.errors import TooLargeError

CHUNK_VERSION = 1
MAX_PIECE_BYTES = 1200
MAX_CHUNKED_BYTES = 256 * 1024
MAX_PIECES = 1024
_ALIGNMENT = 8  # of symbols, as the library has it
_PAYLOAD_ID_BYTES = 4  # source block and symbol number before each symbol (RFC 6330, 4.4.2)


@dataclass(frozen=True)
class Chunk:
    """One piece of a message; see emiff_msgs/FeatureChunk for the fields."""

    station_id: str
    session_id: int
    sequence: int
    total_size: int
    total_crc32: int
    index: int
    count: int
    crc32: int
    piece: bytes
    version: int = CHUNK_VERSION


def source_pieces(total_size: int) -> int:
    """Return how many pieces a message needs without redundancy."""
    return math.ceil(total_size / MAX_PIECE_BYTES)


def piece_size(total_size: int) -> int:
    """Return the length of each piece of a message."""
    return _ALIGNMENT * math.ceil(total_size / source_pieces(total_size) / _ALIGNMENT)


def cut(
    message: bytes, station_id: str, session_id: int, sequence: int, redundancy: float
) -> list[Chunk]:
    """Cut a serialised message into pieces.

    Args:
        message: at least one byte.
        station_id: name of the sender.
        session_id: of the sender.
        sequence: of the message.
        redundancy: repair pieces per piece of the message, rounded up.

    Raises:
        TooLargeError: above ``MAX_CHUNKED_BYTES`` bytes or ``MAX_PIECES`` pieces.
    """
    source = source_pieces(len(message))
    repair = math.ceil(redundancy * source)
    if len(message) > MAX_CHUNKED_BYTES or source + repair > MAX_PIECES:
        raise TooLargeError(
            f'message of {len(message)} bytes and {repair} repair pieces; at most '
            f'{MAX_CHUNKED_BYTES} bytes and {MAX_PIECES} pieces can be sent'
        )
    size = piece_size(len(message))
    encoder = raptorq.Encoder.with_defaults(message, size)
    pieces = [packet[_PAYLOAD_ID_BYTES:] for packet in encoder.get_encoded_packets(repair)]
    return [
        Chunk(
            station_id=station_id,
            session_id=session_id,
            sequence=sequence,
            total_size=len(message),
            total_crc32=zlib.crc32(message),
            index=index,
            count=len(pieces),
            crc32=zlib.crc32(piece),
            piece=piece,
        )
        for index, piece in enumerate(pieces)
    ]


def join(pieces: dict[int, bytes], total_size: int) -> bytes | None:
    """Return the message that checked pieces (by index) stand for; None if they do not suffice."""
    source = source_pieces(total_size)
    if len(pieces) < source:
        return None
    if all(index in pieces for index in range(source)):
        return b''.join(pieces[index] for index in range(source))[:total_size]
    decoder = raptorq.Decoder.with_defaults(total_size, piece_size(total_size))
    for index, piece in pieces.items():
        message = decoder.decode(b'\0' + index.to_bytes(3, 'big') + piece)
        if message is not None:
            return bytes(message)
    return None
