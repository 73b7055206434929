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

"""Context-modelled rANS: lossless, smaller than zstd on feature maps, safe on any bytes."""

import contextlib
import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
import numpy as np
import pytest

from emiff_ros.transport.codec import decode_feature, encode_feature
from emiff_ros.transport.coding import RANS, ZSTD
from emiff_ros.transport.context_model import ContextModel, passes
from emiff_ros.transport.errors import CorruptPayloadError, TooLargeError, UnsupportedCoderError
from emiff_ros.transport.quantization import Layout, Quantization, bytes_from_codes
from emiff_ros.transport.rans_coder import MAX_CODED_VALUES

TABLES = '0a5ed3d8ab45ad0613013b8fc25eb4cc8ee70285e0ef26308e74aea126a6da3a'
PAYLOAD = (
    '0cec2788a14f4f0d2fe2dcf86557cf0ac07909ffbf3d8502d'
    '6f00781ff0643fd2d89c80fbb7a3beaa4ab75694ebd000000'
)
INT8, INT4 = Quantization.INT8, Quantization.INT4

CODES = hnp.arrays(
    np.uint8,
    st.tuples(st.integers(1, 4), st.integers(1, 11), st.integers(1, 13)),
    elements=st.one_of(st.integers(0, 255), st.sampled_from([0, 0, 0, 1, 255])),
)


def relu_map(channels=2, height=36, width=64, seed=0):
    """Return a smooth map with about half of its values at zero, as a backbone makes them."""
    noise = np.random.default_rng(seed).normal(size=(channels, height // 4 + 2, width // 4 + 2))
    rows, columns = np.linspace(0, height // 4, height), np.linspace(0, width // 4, width)
    top, left = rows.astype(int)[:, None], columns.astype(int)
    down, right = rows[:, None] - top, columns - left
    smooth = (
        noise[:, top, left] * (1 - down) * (1 - right)
        + noise[:, top + 1, left] * down * (1 - right)
        + noise[:, top, left + 1] * (1 - down) * right
        + noise[:, top + 1, left + 1] * down * right
    )
    return np.maximum(smooth, 0).astype(np.float32)


@settings(max_examples=200, deadline=None)
@given(CODES, st.sampled_from([INT8, INT4]))
def test_round_trip(codes, quantization):
    codes = np.minimum(codes, quantization.levels)
    layout = Layout(codes.shape, quantization)
    data = bytes_from_codes(codes, quantization)
    assert RANS.decode(RANS.encode(data, layout), layout) == data


@pytest.mark.parametrize('shape', [(1, 68, 120), (4, 36, 64), (1, 1, 1), (3, 1, 50), (2, 50, 1)])
def test_each_cell_is_visited_once_and_only_after_its_neighbours(shape):
    visits = np.zeros(shape[1] * shape[2], int)
    for step in passes(*shape[1:]):
        if step.neighbours is not None:
            assert step.neighbours.shape == (6, len(step.cells))
            assert (visits[step.neighbours] == 1).all()
        visits[step.cells] += 1
    assert (visits == 1).all()


@pytest.mark.parametrize('quantization', ['int8', 'int4'])
def test_smaller_than_zstd_on_feature_maps(quantization):
    sizes = {
        coder: len(encode_feature(relu_map(), quantization, coder).payload)
        for coder in ('zstd', 'rans')
    }
    assert sizes['rans'] < 0.9 * sizes['zstd']


def test_channels_without_values_are_almost_free():
    tensor = np.zeros((4, 36, 64), np.float32)
    encoded = encode_feature(tensor, 'int8', 'rans')
    assert encoded.payload == b'\0'
    np.testing.assert_array_equal(decode_feature(encoded), tensor)


def test_floats_travel_as_zstd():
    assert encode_feature(relu_map(), 'float16', 'rans').coder == ZSTD.code


def test_initial_tables_are_the_same_on_every_machine():
    digest = hashlib.sha256()
    for largest in range(1, 256):
        model = ContextModel(largest)
        assert (model.tables >= 1).all()
        digest.update(model.tables.astype('<i4').tobytes())
    assert digest.hexdigest() == TABLES


def test_payload_is_locked():
    """Bags outlive code: what an earlier release wrote must be read."""
    codes = (np.arange(60).reshape(1, 6, 10) * 7 % 13).astype(np.uint8)
    layout = Layout(codes.shape, INT8)
    payload = RANS.encode(codes.tobytes(), layout)
    assert payload.hex() == PAYLOAD
    assert RANS.decode(bytes.fromhex(PAYLOAD), layout) == codes.tobytes()


class TestHostilePayloads:
    layout = Layout((2, 36, 64), INT8)

    @pytest.fixture
    def payload(self):
        return encode_feature(relu_map(), 'int8', 'rans').payload

    @settings(max_examples=300, deadline=None)
    @given(st.binary(max_size=64))
    def test_any_bytes(self, data):
        with contextlib.suppress(CorruptPayloadError):
            assert len(RANS.decode(data, self.layout)) == self.layout.byte_count

    @pytest.mark.parametrize(
        ('damage', 'message'),
        [
            (lambda payload: b'', 'whole 32-bit words'),
            (lambda payload: payload[:-1], 'whole 32-bit words'),
            (lambda payload: payload + bytes(4), 'rejects'),
            (lambda payload: payload[:-4], 'rejects|more or other'),
            (lambda payload: payload[:1] + b'\1\0\0\0' + payload[1:], 'more or other'),
            (lambda payload: b'\0' + payload[1:], 'zeros only'),
        ],
    )
    def test_damage_is_named(self, payload, damage, message):
        with pytest.raises(CorruptPayloadError, match=message):
            RANS.decode(damage(payload), self.layout)

    def test_codes_beyond_the_format(self, payload):
        with pytest.raises(CorruptPayloadError, match='INT4 ends at 15'):
            RANS.decode(payload, Layout((2, 36, 64), INT4))

    def test_float_formats(self, payload):
        with pytest.raises(UnsupportedCoderError, match='int8 and int4'):
            RANS.decode(payload, Layout((2, 36, 64), Quantization.FLOAT16))

    def test_too_many_values(self, payload):
        with pytest.raises(TooLargeError, match=str(MAX_CODED_VALUES)):
            RANS.decode(payload, Layout((5, 1024, 1024), INT8))
