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

"""Feature pyramid: sizes, dependence on every backbone level."""

import pytest
import torch

from emiff_ros.model.pyramid import FeaturePyramid

CHANNELS = (4, 8, 16, 32)


def maps():
    return [torch.randn(1, c, 16 >> k, 24 >> k) for k, c in enumerate(CHANNELS)]


@pytest.mark.parametrize('levels', [1, 4])
def test_levels(levels):
    outputs = FeaturePyramid(CHANNELS, 5, levels)(maps())
    assert [tuple(x.shape) for x in outputs] == [(1, 5, 16 >> k, 24 >> k) for k in range(levels)]


def test_coarsest_map_reaches_the_finest_level():
    pyramid, inputs = FeaturePyramid(CHANNELS, 5, levels=1), maps()
    before = pyramid(inputs)[0]
    inputs[3] = inputs[3] + 1
    assert not torch.allclose(pyramid(inputs)[0], before)


def test_odd_sizes_meet():
    """Top-down maps are resized to the finer map's exact size, not doubled."""
    sizes = [(17, 25), (9, 13), (5, 7), (3, 4)]
    inputs = [torch.randn(1, c, *size) for c, size in zip(CHANNELS, sizes, strict=True)]
    outputs = FeaturePyramid(CHANNELS, 5)(inputs)
    assert [tuple(x.shape[-2:]) for x in outputs] == sizes
