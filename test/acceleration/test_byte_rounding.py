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

"""Weights lie within half a step of what they were."""

import pytest
import torch

from emiff_ros.acceleration import byte_rounding
from emiff_ros.acceleration.byte_rounding import rounded_weights


@pytest.mark.parametrize(('sums_exactly', 'largest'), [(True, 127), (False, 64)])
def test_weights_are_rounded_to_half_a_step(sums_exactly, largest, monkeypatch):
    monkeypatch.setattr(byte_rounding, 'sums_byte_products', lambda: sums_exactly)
    weight = torch.randn(24, 16, 3, 3, generator=torch.Generator().manual_seed(7))
    rounded, scales = rounded_weights(weight)
    assert rounded.dtype == torch.int8 and rounded.abs().max() == largest
    steps = scales.view(-1, 1, 1, 1)
    assert ((rounded.float() * steps - weight).abs() <= 0.501 * steps).all()


def test_a_channel_of_zeros_stays_zero():
    rounded, scales = rounded_weights(torch.zeros(2, 3, 1, 1))
    assert not rounded.any() and scales.isfinite().all()
