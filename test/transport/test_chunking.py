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

"""Pieces give the message back in any order and with losses; the assembler stays bounded."""

from dataclasses import replace
import random
import zlib

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from emiff_ros.transport.chunk_assembler import AssemblyLimits, ChunkAssembler
from emiff_ros.transport.chunking import MAX_CHUNKED_BYTES, MAX_PIECE_BYTES, Chunk, cut
from emiff_ros.transport.errors import (
    ChecksumError,
    ChunkError,
    TooLargeError,
    TransportError,
    UnsupportedVersionError,
)


def content(size, seed=0):
    return random.Random(seed).randbytes(size)


def pieces(size=5000, sequence=0, redundancy=0.5, station='pole'):
    return cut(content(size, sequence), station, 7, sequence, redundancy)


def add_up(counts):
    assert counts['received'] == sum(
        counts[name] for name in ('used', 'duplicate', 'late', 'refused')
    )
    assert counts['begun'] == counts['finished'] + counts['incomplete'] + counts['open']


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 20000), st.floats(0, 1), st.randoms(use_true_random=False))
def test_any_order_gives_the_message_back(size, redundancy, order):
    chunks = pieces(size, redundancy=redundancy)
    assert all(len(chunk.piece) <= MAX_PIECE_BYTES for chunk in chunks)
    order.shuffle(chunks)
    assembler = ChunkAssembler()
    results = [assembler.add(chunk, 0.0) for chunk in chunks]
    assert [result for result in results if result is not None] == [content(size)]
    add_up(assembler.counters())


def test_repair_pieces_replace_lost_ones():
    chunks = pieces(11000, redundancy=0.5)
    source = 10
    delivered = 0
    for seed in range(40):
        kept = random.Random(seed).sample(chunks, source + 2)
        assembler = ChunkAssembler()
        delivered += any(assembler.add(chunk, 0.0) == content(11000) for chunk in kept)
    assert delivered == 40


def test_too_few_pieces_give_nothing():
    assembler = ChunkAssembler()
    assert [assembler.add(chunk, 0.0) for chunk in pieces(5000)[:4]] == [None] * 4


def test_duplicates_and_late_pieces_are_counted():
    chunks = pieces(1000, redundancy=1.0)
    assembler = ChunkAssembler()
    assert assembler.add(chunks[0], 0.0) == content(1000)
    assert assembler.add(chunks[1], 0.1) is None
    two = pieces(2000, sequence=1)
    for chunk in (two[0], two[0]):
        assembler.add(chunk, 0.2)
    counts = assembler.counters()
    assert (counts['late'], counts['duplicate'], counts['finished']) == (1, 1, 1)
    add_up(counts)


def test_old_messages_are_forgotten_also_when_the_clock_goes_back():
    assembler = ChunkAssembler(AssemblyLimits(max_age=1.0))
    assembler.add(pieces(sequence=0)[0], 10.0)
    assembler.add(pieces(sequence=1)[0], 11.5)
    assert assembler.counters()['incomplete'] == 1
    assembler.add(pieces(sequence=2)[0], 3.0)
    counts = assembler.counters()
    assert (counts['incomplete'], counts['open']) == (2, 1)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 40)), max_size=200))
def test_bounds_hold_for_any_flood(arrivals):
    limits = AssemblyLimits(max_bytes=20_000, max_messages=6, max_age=100.0)
    assembler = ChunkAssembler(limits)
    for sequence, index in arrivals:
        chunks = pieces(12000, sequence)
        assembler.add(chunks[index % len(chunks)], 0.0)
        counts = assembler.counters()
        assert counts['bytes'] <= limits.max_bytes
        assert counts['open'] <= limits.max_messages
        add_up(counts)


def test_a_message_that_its_last_piece_completes_is_not_pushed_out():
    first, second = pieces(2000, redundancy=0.0), pieces(3000, sequence=1, redundancy=0.0)
    size = len(first[0].piece)
    assembler = ChunkAssembler(AssemblyLimits(max_bytes=size * len(first), max_age=100.0))
    for chunk in (*first[:-1], second[0]):
        assert assembler.add(chunk, 0.0) is None
    assert assembler.add(first[-1], 0.0) == content(2000)
    counts = assembler.counters()
    assert (counts['finished'], counts['incomplete'], counts['open']) == (1, 0, 1)
    add_up(counts)


@pytest.mark.parametrize(
    ('changes', 'error'),
    [
        ({'version': 2}, UnsupportedVersionError),
        ({'total_size': 2**32 - 1}, TooLargeError),
        ({'total_size': 0}, TooLargeError),
        ({'total_size': 100}, ChunkError),
        ({'index': 8}, ChunkError),
        ({'index': -1}, ChunkError),
        ({'count': 2}, ChunkError),
        ({'count': 60000}, ChunkError),
        ({'piece': b''}, ChunkError),
        ({'crc32': 1}, ChecksumError),
    ],
)
def test_bad_pieces_are_named(changes, error):
    assembler = ChunkAssembler()
    with pytest.raises(error):
        assembler.add(replace(pieces()[0], **changes), 0.0)
    add_up(assembler.counters())


def test_pieces_that_contradict_each_other():
    assembler = ChunkAssembler()
    first, second, *_ = pieces()
    assembler.add(first, 0.0)
    with pytest.raises(ChunkError, match='another checksum'):
        assembler.add(replace(second, total_crc32=1), 0.0)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 2**32 - 1), st.booleans()), max_size=20)
)
def test_forged_pieces_never_make_a_message(forgeries):
    assembler = ChunkAssembler()
    for index, seed, known in forgeries:
        piece = content(1000, seed)
        forged = Chunk(
            'pole', 7, 0 if known else seed, 5000, 9, index, 8, zlib.crc32(piece), piece
        )
        try:
            assert assembler.add(forged, 0.0) is None
        except TransportError as error:
            assert error.cause in ('checksum', 'bad_chunk')
        add_up(assembler.counters())


def test_messages_beyond_the_limit_are_not_cut():
    with pytest.raises(TooLargeError, match=str(MAX_CHUNKED_BYTES)):
        cut(bytes(MAX_CHUNKED_BYTES + 1), 'pole', 1, 1, 0.0)


def test_messages_with_a_wrong_checksum_are_bounded_too():
    assembler = ChunkAssembler(AssemblyLimits(max_messages=6, max_age=100.0))
    for sequence in range(50):
        chunk = replace(pieces(100, sequence)[0], total_crc32=1)
        with pytest.raises(ChecksumError):
            assembler.add(chunk, 0.0)
    assert len(assembler._assemblies) <= 6
    add_up(assembler.counters())
