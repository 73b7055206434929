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

"""Pieces to FeatureChunk messages and back."""

import array
from typing import TYPE_CHECKING

from emiff_ros.transport.chunking import Chunk

if TYPE_CHECKING:
    from std_msgs.msg import Header

    from emiff_msgs.msg import FeatureChunk


def message_from_chunk(chunk: Chunk, header: 'Header') -> 'FeatureChunk':
    """Build the message of one piece.

    Args:
        chunk: from :func:`~emiff_ros.transport.chunking.cut`.
        header: of the FeatureTensor that was cut.
    """
    from emiff_msgs.msg import FeatureChunk

    return FeatureChunk(
        header=header,
        format_version=chunk.version,
        station_id=chunk.station_id,
        session_id=chunk.session_id,
        sequence=chunk.sequence,
        total_size=chunk.total_size,
        total_crc32=chunk.total_crc32,
        index=chunk.index,
        count=chunk.count,
        crc32=chunk.crc32,
        piece=array.array('B', chunk.piece),
    )


def chunk_from_message(message: 'FeatureChunk') -> Chunk:
    """Read a received message; :class:`ChunkAssembler` checks what it says."""
    return Chunk(
        version=message.format_version,
        station_id=message.station_id,
        session_id=message.session_id,
        sequence=message.sequence,
        total_size=message.total_size,
        total_crc32=message.total_crc32,
        index=message.index,
        count=message.count,
        crc32=message.crc32,
        piece=bytes(memoryview(message.piece)),
    )
