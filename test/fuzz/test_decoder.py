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

"""Mutated and made-up payloads raise nothing but named errors."""

from pathlib import Path
import re
import subprocess
import sys

from fuzz.decoder_target import WRONG_CRC, decode_hostile, from_bytes, seeds, to_bytes
from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from emiff_ros.transport import errors
from emiff_ros.transport.codec import decode_feature

SEEDS = seeds()
CAUSES = {item.cause for item in errors.TransportError.__subclasses__()}
HEADER_BYTES = 23


def test_seeds_decode():
    assert {decode_hostile(seed) for seed in SEEDS} == {'decoded'}


def test_layout_round_trips():
    for seed in SEEDS:
        assert to_bytes(from_bytes(seed)) == seed
        assert decode_hostile(to_bytes(from_bytes(seed), WRONG_CRC)) == 'checksum'


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(SEEDS),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(1, 255)), min_size=1, max_size=4),
)
def test_flipped_bytes(seed, flips):
    data = bytearray(seed)
    for position, mask in flips:
        data[position % len(data)] ^= mask
    assert decode_hostile(bytes(data)) in CAUSES | {'decoded'}


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SEEDS), st.integers(0, 1500), st.binary(max_size=12))
def test_cut_and_extended_payloads(seed, length, tail):
    data = seed[: max(length, HEADER_BYTES)] + tail
    assert decode_hostile(data) in CAUSES | {'decoded'}


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=120))
def test_bytes_of_no_feature(data):
    assert decode_hostile(data) in CAUSES | {'decoded'}


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(SEEDS).map(from_bytes),
    st.sampled_from(
        ['format_version', 'shape', 'quantization', 'scale', 'zero_point', 'coder', 'payload']
        + ['decoded_size', 'crc32']
    ),
    st.one_of(
        st.none(),
        st.integers(),
        st.floats(),
        st.text(max_size=3),
        st.binary(max_size=3),
        st.lists(st.one_of(st.none(), st.integers(), st.floats()), max_size=4),
    ),
)
def test_fields_of_any_type(encoded, field, value):
    # The fields of a frozen dataclass, as a caller without type checks could have filled them.
    object.__setattr__(encoded, field, value)
    try:
        decode_feature(encoded)
    except errors.TransportError as error:
        assert error.cause in CAUSES


def test_coverage_guided_fuzzing_for_a_bounded_run(tmp_path):
    pytest.importorskip('atheris', reason='atheris has no wheel for this Python')
    script = Path(__file__).with_name('fuzz_decoder.py')
    result = subprocess.run(
        [sys.executable, script, tmp_path / 'corpus', '-runs=15000', '-max_total_time=20']
        + ['-seed=1', f'-artifact_prefix={tmp_path}/', '-max_len=2048'],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    done = re.search(r'Done (\d+) runs', result.stderr)
    assert done, result.stderr[-1000:]
    assert int(done[1]) > 1000
