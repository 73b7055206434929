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

"""The coders are lossless and the zstd decoder is not led astray by its input."""

import os

import numpy as np
import pytest
import zstandard

from emiff_ros.transport.coding import RANS, RAW, ZSTD, ZstdCoder, coder_from, zstd_coder
from emiff_ros.transport.errors import (
    CorruptPayloadError,
    DecodedSizeError,
    UnsupportedCoderError,
)
from emiff_ros.transport.quantization import Layout, Quantization

DATA = bytes(range(64)) * 40


def layout(count):
    return Layout((1, 1, count), Quantization.INT8)


@pytest.mark.parametrize('coder', [RAW, ZSTD, ZstdCoder(1), RANS])
@pytest.mark.parametrize('data', [b'\0', DATA, os.urandom(3000)])
def test_round_trip(coder, data):
    assert coder.decode(coder.encode(data, layout(len(data))), layout(len(data))) == data


def test_zstd_makes_repetition_small():
    assert len(ZSTD.encode(DATA, layout(len(DATA)))) < len(DATA) // 10


def test_raw_checks_the_length():
    with pytest.raises(DecodedSizeError, match='5 bytes; the header declares 4'):
        RAW.decode(b'12345', layout(4))


def test_declared_gigabytes_are_refused_before_allocation():
    # A frame header that promises 4 GiB - 1 and one raw block of one byte.
    frame = bytes.fromhex('28b52ffd') + b'\xa0' + b'\xff\xff\xff\xff' + bytes.fromhex('09000041')
    assert zstandard.get_frame_parameters(frame).content_size == 2**32 - 1
    with pytest.raises(DecodedSizeError, match='4294967295 bytes'):
        ZSTD.decode(frame, layout(10))


def test_frame_that_holds_less_than_it_promises():
    frame = bytearray(zstandard.ZstdCompressor(level=1).compress(b'abcdefgh'))
    assert frame[5] == 8
    frame[5] = 9
    with pytest.raises((CorruptPayloadError, DecodedSizeError)):
        ZSTD.decode(bytes(frame), layout(9))


def test_frame_without_content_size_is_refused():
    frame = zstandard.ZstdCompressor(write_content_size=False).compress(DATA)
    with pytest.raises(DecodedSizeError, match='no content size'):
        ZSTD.decode(frame, layout(len(DATA)))


@pytest.mark.parametrize(
    'damage',
    [
        lambda frame: frame[:-1],
        lambda frame: frame[:7],
        lambda frame: frame + b'\0',
        lambda frame: frame + frame,
        lambda frame: b'\0' + frame[1:],
    ],
    ids=['truncated', 'header only', 'trailing byte', 'two frames', 'magic'],
)
def test_damaged_frames_are_refused(damage):
    with pytest.raises((CorruptPayloadError, DecodedSizeError)):
        ZSTD.decode(damage(ZSTD.encode(DATA, layout(len(DATA)))), layout(len(DATA)))


def test_frame_with_dictionary_is_refused():
    dictionary = zstandard.train_dictionary(2048, [os.urandom(64) + DATA[:200]] * 60)
    frame = zstandard.ZstdCompressor(dict_data=dictionary).compress(DATA)
    with pytest.raises(CorruptPayloadError, match='dictionary'):
        ZSTD.decode(frame, layout(len(DATA)))


def test_a_higher_level_is_smaller():
    layout = Layout((4, 64, 64), Quantization.INT8)
    steps = np.random.default_rng(3).integers(0, 4, layout.shape).cumsum(axis=2)
    data = (steps // 4).astype(np.uint8).tobytes()
    assert len(zstd_coder(19).encode(data, layout)) < len(zstd_coder(1).encode(data, layout))


@pytest.mark.parametrize('level', [0, 23, -5])
def test_unknown_levels_are_refused(level):
    with pytest.raises(ValueError, match='expected 1 to 22'):
        ZstdCoder(level)


@pytest.mark.parametrize(
    ('value', 'coder'),
    [('raw', RAW), (0, RAW), ('zstd', ZSTD), (1, ZSTD), (ZSTD, ZSTD), ('rans', RANS), (2, RANS)],
)
def test_coders_by_name_and_number(value, coder):
    assert coder_from(value) is coder


@pytest.mark.parametrize('value', ['lzma', 3, 255, None, 1.5])
def test_unknown_coders_are_refused(value):
    with pytest.raises(UnsupportedCoderError, match='raw \\(0\\), zstd \\(1\\), rans \\(2\\)'):
        coder_from(value)
