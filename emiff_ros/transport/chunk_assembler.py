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

"""Puts messages together from pieces, bounded in bytes, messages and age."""

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
import zlib

from emiff_ros.transport.chunking import (
    CHUNK_VERSION,
    MAX_CHUNKED_BYTES,
    MAX_PIECES,
    Chunk,
    join,
    piece_size,
    source_pieces,
)
from emiff_ros.transport.errors import (
    ChecksumError,
    ChunkError,
    TooLargeError,
    TransportError,
    UnsupportedVersionError,
)

Key = tuple[str, int, int]


@dataclass(frozen=True)
class AssemblyLimits:
    """What an assembler keeps at most.

    Attributes:
        max_bytes: of all pieces together.
        max_messages: that are begun or finished.
        max_age: of a message since its first piece, seconds.
    """

    max_bytes: int = 1024 * 1024
    max_messages: int = 64
    max_age: float = 1.0


@dataclass
class _Assembly:
    """Pieces of one message."""

    total_size: int
    total_crc32: int
    begun: float
    pieces: dict[int, bytes] = field(default_factory=dict)
    finished: bool = False


class ChunkAssembler:
    """Collects pieces; knows neither ROS nor what the messages are.

    Every piece is counted once: received = used + duplicate + late + refused, where late ones
    belong to a message that is finished. Every message that was begun is finished, ``incomplete``
    (too old, or pushed out by newer ones) or still open.
    """

    def __init__(self, limits: AssemblyLimits | None = None) -> None:
        """Start empty."""
        self._limits = limits or AssemblyLimits()
        self._assemblies: OrderedDict[Key, _Assembly] = OrderedDict()
        self._counts: Counter[str] = Counter()

    def add(self, chunk: Chunk, now: float) -> bytes | None:
        """Take one piece; return the message if this piece completes it.

        Args:
            chunk: as received; every field is treated as hostile.
            now: steady time, seconds.

        Raises:
            TransportError: a subclass for each cause; nothing else is raised.
        """
        self._counts['received'] += 1
        try:
            _check(chunk)
            return self._add(chunk, now)
        except TransportError as error:
            self._counts['refused'] += 1
            self._counts[f'refused.{error.cause}'] += 1
            raise

    def counters(self) -> dict[str, int]:
        """Return all counters, and what is open: messages and their bytes."""
        names = ('received', 'used', 'duplicate', 'late', 'refused', 'begun', 'finished')
        counts = {name: self._counts[name] for name in (*names, 'incomplete')}
        counts |= {name: n for name, n in sorted(self._counts.items()) if '.' in name}
        open_ones = [item for item in self._assemblies.values() if not item.finished]
        return {**counts, 'open': len(open_ones), 'bytes': self._bytes()}

    def _add(self, chunk: Chunk, now: float) -> bytes | None:
        self._forget_old(now)
        key = chunk.station_id, chunk.session_id, chunk.sequence
        assembly = self._assemblies.get(key)
        if assembly is None:
            assembly = self._assemblies[key] = _Assembly(chunk.total_size, chunk.total_crc32, now)
            self._counts['begun'] += 1
        if (assembly.total_size, assembly.total_crc32) != (chunk.total_size, chunk.total_crc32):
            raise ChunkError(
                f'piece {chunk.index} declares {chunk.total_size} bytes; the first piece of its '
                f'message declared {assembly.total_size}, or another checksum'
            )
        if assembly.finished:
            self._counts['late'] += 1
            return None
        if chunk.index in assembly.pieces:
            self._counts['duplicate'] += 1
            return None
        assembly.pieces[chunk.index] = chunk.piece
        self._counts['used'] += 1
        message = join(assembly.pieces, assembly.total_size)
        if message is not None:
            assembly.finished = True
            assembly.pieces.clear()
            self._counts['finished'] += 1
        self._make_room()
        if message is not None and zlib.crc32(message) != assembly.total_crc32:
            self._counts['used'] -= 1
            raise ChecksumError('the message that was put together has another checksum')
        return message

    def _forget_old(self, now: float) -> None:
        while self._assemblies:
            key, oldest = next(iter(self._assemblies.items()))
            # A clock that was set back makes everything look new: forget that, too.
            if 0 <= now - oldest.begun <= self._limits.max_age:
                return
            self._forget(key)

    def _make_room(self) -> None:
        while (
            len(self._assemblies) > self._limits.max_messages
            or self._bytes() > self._limits.max_bytes
        ):
            self._forget(next(iter(self._assemblies)))

    def _forget(self, key: Key) -> None:
        if not self._assemblies.pop(key).finished:
            self._counts['incomplete'] += 1

    def _bytes(self) -> int:
        return sum(
            len(piece) for item in self._assemblies.values() for piece in item.pieces.values()
        )


def _check(chunk: Chunk) -> None:
    if chunk.version != CHUNK_VERSION:
        raise UnsupportedVersionError(
            f'chunk version {chunk.version}; this receiver reads {CHUNK_VERSION}'
        )
    if not 1 <= chunk.total_size <= MAX_CHUNKED_BYTES:
        raise TooLargeError(
            f'chunk of a message of {chunk.total_size} bytes; expected 1 to {MAX_CHUNKED_BYTES}'
        )
    if not source_pieces(chunk.total_size) <= chunk.count <= MAX_PIECES:
        raise ChunkError(
            f'{chunk.count} pieces for {chunk.total_size} bytes; expected '
            f'{source_pieces(chunk.total_size)} to {MAX_PIECES}'
        )
    if not 0 <= chunk.index < chunk.count:
        raise ChunkError(f'piece {chunk.index} of {chunk.count}')
    if len(chunk.piece) != piece_size(chunk.total_size):
        raise ChunkError(
            f'piece of {len(chunk.piece)} bytes; a message of {chunk.total_size} bytes has pieces '
            f'of {piece_size(chunk.total_size)}'
        )
    if zlib.crc32(chunk.piece) != chunk.crc32:
        raise ChecksumError(f'piece {chunk.index} does not have its declared checksum')
