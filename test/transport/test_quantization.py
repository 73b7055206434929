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

"""Errors of the number formats stay inside the stated bounds."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
import numpy as np
import pytest

from emiff_ros.transport.errors import (
    NonFiniteError,
    ScaleError,
    UnsupportedQuantizationError,
    ValueRangeError,
)
from emiff_ros.transport.quantization import (
    Quantization,
    as_parameters,
    check_affine_parameters,
    dequantize,
    error_bound,
    quantize,
)

TENSORS = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 7)),
    elements=st.one_of(
        st.floats(-6.0e4, 6.0e4, width=32),
        st.floats(0, 1, width=32),
        st.sampled_from([0.0, float(np.float32(1e-40)), -5.0, 5.0, float(np.float32(5.0000005))]),
    ),
)


def round_trip(tensor, quantization):
    data, scale, zero_point = quantize(tensor, quantization)
    assert len(data) == quantization.byte_count(tensor.size)
    return dequantize(data, tensor.shape, quantization, scale, zero_point), scale, zero_point


@settings(max_examples=150, deadline=None)
@given(TENSORS, st.sampled_from(list(Quantization)))
def test_error_never_exceeds_the_bound(tensor, quantization):
    decoded, scale, zero_point = round_trip(tensor, quantization)
    bound = error_bound(quantization, scale, zero_point, float(np.abs(tensor).max()))
    error = np.abs(decoded.astype(np.float64) - tensor).max(axis=(1, 2))
    assert (error <= bound).all(), (error, bound)


@pytest.mark.parametrize('quantization', [Quantization.INT8, Quantization.INT4])
def test_bound_is_tight_and_follows_the_levels(quantization):
    tensor = np.linspace(0, 3, 3001, dtype=np.float32).reshape(1, 1, -1)
    decoded, scale, zero_point = round_trip(tensor, quantization)
    bound = error_bound(quantization, scale, zero_point)[0]
    assert bound == pytest.approx(1.5 / quantization.levels, rel=1e-3)
    assert 0.95 * bound < np.abs(decoded - tensor).max() <= bound


@pytest.mark.parametrize('quantization', list(Quantization))
def test_zeros_of_a_relu_map_stay_zero(quantization):
    tensor = np.maximum(np.random.default_rng(3).normal(size=(3, 9, 11)), 0).astype(np.float32)
    decoded, *_ = round_trip(tensor, quantization)
    assert (decoded[tensor == 0] == 0).all()
    assert (decoded >= 0).all()


@pytest.mark.parametrize('value', [0.0, 1.0, -2.5, 1e-42, 3e36, -1e-30])
@pytest.mark.parametrize('quantization', [Quantization.INT8, Quantization.INT4])
def test_constant_channel_is_exact(value, quantization):
    tensor = np.full((1, 2, 3), value, np.float32)
    decoded, scale, _ = round_trip(tensor, quantization)
    np.testing.assert_allclose(decoded, tensor, rtol=1e-6, atol=1e-38)
    assert scale[0] > 0


def test_channels_have_their_own_scale():
    tensor = np.stack([np.linspace(0, 1, 12), np.linspace(-100, 900, 12)]).astype(np.float32)
    decoded, scale, zero_point = round_trip(tensor.reshape(2, 3, 4), Quantization.INT8)
    np.testing.assert_allclose(scale, [1 / 255, 1000 / 255], rtol=1e-6)
    np.testing.assert_allclose(zero_point, [0, 25.5], rtol=1e-6)
    assert np.abs(decoded[0] - tensor[0].reshape(3, 4)).max() < 0.002


def test_int4_puts_the_first_code_into_the_low_nibble():
    tensor = np.arange(16, dtype=np.float32)[:15].reshape(1, 3, 5)
    tensor[0, 2, 4] = 15
    data, *_ = quantize(tensor, Quantization.INT4)
    assert data == bytes([0x10, 0x32, 0x54, 0x76, 0x98, 0xBA, 0xDC, 0x0F])


def test_floats_are_little_endian():
    tensor = np.array([[[1.5]]], np.float32)
    assert quantize(tensor, Quantization.FLOAT32)[0] == bytes.fromhex('0000c03f')
    assert quantize(tensor, Quantization.FLOAT16)[0] == bytes.fromhex('003e')


@pytest.mark.parametrize(
    ('quantization', 'value'),
    [(Quantization.FLOAT16, 7e4), (Quantization.INT8, 2e37), (Quantization.INT4, -2e37)],
)
def test_too_large_values_are_refused(quantization, value):
    with pytest.raises(ValueRangeError, match='use float32'):
        quantize(np.full((1, 1, 2), value, np.float32), quantization)


@pytest.mark.parametrize(
    ('quantization', 'pattern'),
    [(Quantization.FLOAT32, '0000c07f'), (Quantization.FLOAT16, '007c')],
)
def test_decoded_nan_and_infinity_are_refused(quantization, pattern):
    empty = np.empty(0, np.float32)
    with pytest.raises(NonFiniteError):
        dequantize(bytes.fromhex(pattern), (1, 1, 1), quantization, empty, empty)


def test_overflow_while_scaling_is_refused():
    huge = np.array([3e38], np.float32)
    with pytest.raises(NonFiniteError):
        dequantize(b'\xff', (1, 1, 1), Quantization.INT8, huge, np.zeros(1, np.float32))


@pytest.mark.parametrize('value', ['INT8', 'int8', 2, Quantization.INT8])
def test_parse_accepts_names_and_numbers(value):
    assert Quantization.parse(value) is Quantization.INT8


@pytest.mark.parametrize('value', ['int7', 4, -1, None, 2.5, [2]])
def test_parse_refuses_unknown_formats(value):
    with pytest.raises(UnsupportedQuantizationError, match='int8'):
        Quantization.parse(value)


@pytest.mark.parametrize(
    ('scale', 'zero_point'),
    [
        ([1.0], [0.0, 0.0]),
        ([1.0, 1.0, 1.0], [0.0, 0.0]),
        ([1.0, np.nan], [0.0, 0.0]),
        ([1.0, 1.0], [0.0, np.inf]),
        ([1.0, 0.0], [0.0, 0.0]),
        ([1.0, -1.0], [0.0, 0.0]),
    ],
)
def test_unusable_scales_are_refused(scale, zero_point):
    parameters = as_parameters(scale, 'scale'), as_parameters(zero_point, 'zero_point')
    with pytest.raises(ScaleError):
        check_affine_parameters(*parameters, 2, Quantization.INT8)


def test_float_formats_carry_no_scale():
    one = np.ones(1, np.float32)
    with pytest.raises(ScaleError, match='expected \\(0,\\)'):
        check_affine_parameters(one, one, 1, Quantization.FLOAT16)


@pytest.mark.parametrize('values', ['abc', [[1.0]], [None], object()])
def test_parameters_that_are_no_numbers_are_refused(values):
    with pytest.raises(ScaleError):
        parameters = as_parameters(values, 'scale')
        check_affine_parameters(parameters, parameters, 1, Quantization.INT8)
