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

"""8-bit convolutions are right to one step of their output."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from emiff_ros.acceleration.byte_convolution import ByteConvolution, rounded_weights, to_bytes

INPUT_SCALE, OUTPUT_SCALE, RESIDUAL_SCALE = 0.02, 0.01, 0.015
ONE_STEP = 1.01


@pytest.fixture
def convolution():
    torch.manual_seed(7)
    return nn.Conv2d(16, 24, 3, 2, 1).requires_grad_(False)


def map_of(channels, height, width):
    generator = torch.Generator().manual_seed(8)
    shape = 1, channels, height, width
    x = torch.randint(0, 200, shape, generator=generator, dtype=torch.uint8)
    return x.contiguous(memory_format=torch.channels_last)


def expected_of(convolution, x):
    rounded, scales = rounded_weights(convolution.weight)
    weight = rounded.float() * scales.view(-1, 1, 1, 1)
    return functional.conv2d(INPUT_SCALE * x.float(), weight, convolution.bias, 2, 1)


def test_weights_are_rounded_to_half_a_step(convolution):
    rounded, scales = rounded_weights(convolution.weight)
    error = rounded.float() * scales.view(-1, 1, 1, 1) - convolution.weight
    assert (error.abs() <= 0.5 * ONE_STEP * scales.view(-1, 1, 1, 1)).all()


def test_bytes_come_out_rectified(convolution):
    x = map_of(16, 9, 14)
    ours = ByteConvolution(convolution, INPUT_SCALE, OUTPUT_SCALE)(x)
    expected = expected_of(convolution, x).clamp(0, 255 * OUTPUT_SCALE)
    assert ours.dtype == torch.uint8
    assert (OUTPUT_SCALE * ours.float() - expected).abs().max() <= OUTPUT_SCALE / 2 * ONE_STEP


def test_floats_come_out_with_both_signs(convolution):
    x = map_of(16, 9, 14)
    ours, expected = ByteConvolution(convolution, INPUT_SCALE)(x), expected_of(convolution, x)
    assert expected.min() < 0
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)


def test_bytes_are_added_before_the_rectifier(convolution):
    x, residual = map_of(16, 9, 14), map_of(24, 5, 7)
    before = residual.clone()
    quantized = ByteConvolution(convolution, INPUT_SCALE, OUTPUT_SCALE)
    ours = quantized.add(x, residual, RESIDUAL_SCALE)
    expected = expected_of(convolution, x) + RESIDUAL_SCALE * residual.float()
    difference = OUTPUT_SCALE * ours.float() - expected.clamp(0, 255 * OUTPUT_SCALE)
    assert difference.abs().max() <= OUTPUT_SCALE / 2 * ONE_STEP
    assert torch.equal(residual, before)


def test_floats_are_added_before_the_rectifier(convolution):
    x = map_of(16, 9, 14)
    residual = torch.randn(1, 24, 5, 7)
    ours = ByteConvolution(convolution, INPUT_SCALE).add(x, residual)
    expected = functional.relu(expected_of(convolution, x) + residual)
    torch.testing.assert_close(ours, expected, rtol=1e-5, atol=1e-5)


def test_a_map_is_rounded_and_clipped():
    x = torch.tensor([-1.0, 0.0, 0.024, 0.026, 12.74, 13.0])
    assert to_bytes(x, 0.05).tolist() == [0, 0, 0, 1, 255, 255]
