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

"""Deformable convolution against a slow reference in float64."""

import math

import pytest
import torch
from torch.nn import functional

from emiff_ros.model.deformable import DeformableConv, deformable_conv2d


def reference(x, offset, weight):
    """Loop over every output and tap, bilinear by hand, zero outside."""
    batch, channels, height, width = x.shape
    out = torch.zeros(batch, len(weight), height, width, dtype=x.dtype)
    for b in range(batch):
        for row in range(height):
            for column in range(width):
                for tap in range(9):
                    y = row + tap // 3 - 1 + offset[b, 2 * tap, row, column].item()
                    x_ = column + tap % 3 - 1 + offset[b, 2 * tap + 1, row, column].item()
                    value = bilinear(x[b], y, x_)
                    out[b, :, row, column] += weight[:, :, tap // 3, tap % 3] @ value
    return out


def bilinear(feature, y, x):
    value = torch.zeros(len(feature), dtype=feature.dtype)
    for row in (math.floor(y), math.floor(y) + 1):
        for column in (math.floor(x), math.floor(x) + 1):
            if 0 <= row < feature.shape[1] and 0 <= column < feature.shape[2]:
                value += (1 - abs(y - row)) * (1 - abs(x - column)) * feature[:, row, column]
    return value


def arguments(dtype=torch.float64, size=(5, 7), spread=2.0):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, *size, dtype=dtype, generator=generator)
    offset = spread * torch.randn(2, 18, *size, dtype=dtype, generator=generator)
    weight = torch.randn(4, 3, 3, 3, dtype=dtype, generator=generator)
    return x, offset, weight


def test_agrees_with_the_slow_reference():
    """Large offsets reach far outside the map."""
    x, offset, weight = arguments(spread=4.0)
    assert torch.allclose(deformable_conv2d(x, offset, weight), reference(x, offset, weight))


def test_float32_agrees_with_float64(device):
    x, offset, weight = arguments()
    expected = deformable_conv2d(x, offset, weight)
    single = deformable_conv2d(*(t.float().to(device) for t in (x, offset, weight))).cpu()
    assert torch.allclose(single.double(), expected, atol=1e-4)


def test_zero_offsets_are_an_ordinary_convolution():
    x, offset, weight = arguments()
    expected = functional.conv2d(x, weight, padding=1)
    assert torch.allclose(deformable_conv2d(x, torch.zeros_like(offset), weight), expected)


def test_single_cell_map():
    x, offset, weight = arguments(size=(1, 1))
    assert torch.allclose(deformable_conv2d(x, offset, weight), reference(x, offset, weight))


def test_gradients_of_input_offset_and_weight():
    x, offset, weight = arguments(size=(3, 4), spread=0.7)
    # Bilinear reading has no derivative at whole positions; stay off them.
    offset = offset - offset.round() + 0.05 * offset.sign() + offset.round()
    tensors = [tensor.requires_grad_() for tensor in (x, offset, weight)]
    assert torch.autograd.gradcheck(deformable_conv2d, tensors, eps=1e-7, atol=1e-5)


def test_low_precision_samples_in_float32():
    x, offset, weight = arguments(size=(20, 30))
    expected = deformable_conv2d(x, offset, weight)
    low = deformable_conv2d(*(tensor.bfloat16() for tensor in (x, offset, weight)))
    assert low.dtype == torch.bfloat16
    rounded = deformable_conv2d(*(t.bfloat16().double() for t in (x, offset, weight)))
    assert (low.double() - rounded).abs().max() < 0.02 * expected.abs().max()


def test_module_starts_as_an_ordinary_convolution():
    module = DeformableConv(6, 'stage')
    x = torch.randn(1, 6, 8, 8)
    assert torch.allclose(module(x), functional.conv2d(x, module.weight, padding=1), atol=1e-5)


def test_version_1_has_no_mask_and_no_bias():
    """Quirk: deformable convolution v1; two offsets for each of nine taps, nothing else."""
    parameters = {name: tuple(p.shape) for name, p in DeformableConv(6, 'x').named_parameters()}
    assert parameters == {
        'weight': (6, 6, 3, 3),
        'offset.weight': (18, 6, 3, 3),
        'offset.bias': (18,),
    }


def test_shapes_are_checked():
    x, offset, weight = arguments()
    with pytest.raises(ValueError, match=r'offset has shape \(2, 17, 5, 7\); expected'):
        deformable_conv2d(x, offset[:, 1:], weight)
    with pytest.raises(ValueError, match=r'weight has shape \(4, 2, 3, 3\); expected \[D, 3'):
        deformable_conv2d(x, offset, weight[:, 1:])
