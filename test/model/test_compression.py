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

"""Feature compression: sizes, padding, quirks of its norms."""

import pytest
import torch
from torch import nn

from emiff_ros.model.compression import FeatureCompressor, FeatureDecompressor
from emiff_ros.model.config import CompressionConfig


def coder(halvings, ratio=4, channels=8):
    torch.manual_seed(0)
    config = CompressionConfig(ratio=ratio, halvings=halvings)
    return FeatureCompressor(channels, config).eval(), FeatureDecompressor(channels, config).eval()


@pytest.mark.parametrize('halvings', [1, 2, 3, 4])
def test_sizes_there_and_back(halvings):
    """Quirk: four halvings of 136x240, which come back as 144x240, stop the original."""
    compressor, decompressor = coder(halvings)
    feature = torch.randn(2, 8, 136, 240)
    transmitted = compressor(feature)
    step = 2**halvings
    assert transmitted.shape == (2, 2, -(-136 // step), -(-240 // step))
    assert decompressor(transmitted, (136, 240)).shape == feature.shape


def test_transmitted_values_are_not_negative():
    transmitted = coder(1)[0](torch.randn(1, 8, 16, 16))
    assert transmitted.min() == 0 < transmitted.max()


def test_padding_changes_nothing_but_the_border():
    compressor, decompressor = coder(2)
    feature = torch.randn(1, 8, 64, 64)
    whole = decompressor(compressor(feature), (64, 64))
    cropped = decompressor(compressor(feature[..., :62, :]), (62, 64))
    assert torch.allclose(whole[..., :40, :], cropped[..., :40, :], atol=1e-5)


def test_batch_norms_of_the_coder_differ_from_those_of_the_halvings():
    """Quirk: eps 1e-3 and momentum 0.01 in encoder and decoder only."""
    compressor, decompressor = coder(2)

    def settings(module):
        norms = [m for m in module.modules() if isinstance(m, nn.BatchNorm2d)]
        return {(norm.eps, norm.momentum) for norm in norms}

    assert settings(compressor.encoder) == settings(decompressor.decoder) == {(1e-3, 0.01)}
    assert settings(compressor.halvings) == {(1e-5, 0.1)}


def test_doublings_are_bare():
    """Quirk: transposed convolutions without bias, norm or activation."""
    _, decompressor = coder(3)
    assert all(isinstance(m, nn.ConvTranspose2d) for m in decompressor.doublings)
    assert all(m.bias is None for m in decompressor.doublings)
    transmitted = torch.randn(1, 2, 4, 4)
    linear = decompressor.doublings
    assert torch.allclose(linear(-2 * transmitted), -2 * linear(transmitted), atol=1e-6)
