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

"""Codes that are chosen by importance and cost."""

import numpy as np
import pytest
from transport.test_rans_coder import relu_map

from emiff_ros.transport.coding import RANS
from emiff_ros.transport.errors import ValueRangeError
from emiff_ros.transport.quantization import Layout, Quantization, dequantize, quantize
from emiff_ros.transport.rate_distortion import quantize_thriftily

INT8 = Quantization.INT8
EVEN = np.ones((36, 64), np.float32)


def decoded(codes, scale, zero_point):
    return dequantize(codes.tobytes(), codes.shape, INT8, scale, zero_point)


def test_fewer_bytes_than_rounding_at_the_same_error_where_it_counts():
    tensor = relu_map(4)
    importance = 0.01 * EVEN
    importance[:18] = 1
    layout = Layout(tensor.shape, INT8)
    results = []
    for levels in (3, 4, 6, 9, 14, 21):
        data, *parameters = quantize(tensor, INT8, levels)
        rounded = dequantize(data, tensor.shape, INT8, *parameters)
        results.append(
            (len(RANS.encode(data, layout)), (importance * np.square(rounded - tensor)).mean())
        )
    sizes, errors = np.array(results).T
    for levels in (6, 9, 14):
        codes, *parameters = quantize_thriftily(tensor, INT8, levels, importance)
        error = (importance * np.square(decoded(codes, *parameters) - tensor)).mean()
        rounded_size = np.interp(-np.log(error), -np.log(errors), sizes)
        assert len(RANS.encode(codes.tobytes(), layout)) < 0.9 * rounded_size


def test_important_cells_are_rounded_to_the_nearest_code():
    tensor = relu_map(2)
    codes, scale, zero_point = quantize_thriftily(tensor, INT8, 20, 1e6 * EVEN)
    assert (np.abs(decoded(codes, scale, zero_point) - tensor) <= 0.501 * scale[0]).all()


def test_unimportant_cells_cost_almost_nothing():
    tensor = relu_map(2)
    codes, *_ = quantize_thriftily(tensor, INT8, 20, 1e-6 * EVEN)
    assert len(RANS.encode(codes.tobytes(), Layout(codes.shape, INT8))) < 150


def test_all_channels_have_one_step_and_stay_in_their_range():
    tensor = relu_map(3) * np.array([1, 3, -2], np.float32)[:, None, None]
    codes, scale, zero_point = quantize_thriftily(tensor, INT8, 30, EVEN)
    assert len(set(scale.tolist())) == 1
    values = decoded(codes, scale, zero_point)
    for channel, original in zip(values, tensor, strict=True):
        assert channel.min() >= original.min() - 0.51 * scale[0]
        assert channel.max() <= original.max() + 0.51 * scale[0]


@pytest.mark.parametrize('value', [0.0, 3.5, -2.0, 1e-40, -1e37])
def test_constant_tensors_are_exact(value):
    tensor = np.full((2, 36, 64), value, np.float32)
    np.testing.assert_allclose(
        decoded(*quantize_thriftily(tensor, INT8, 15, EVEN)), tensor, rtol=1e-6
    )


def test_values_beyond_the_format_are_named():
    with pytest.raises(ValueRangeError, match='1e\\+37'):
        quantize_thriftily(np.full((1, 36, 64), 2e37, np.float32), INT8, 15, EVEN)
