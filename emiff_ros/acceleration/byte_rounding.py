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

"""Weights and feature maps rounded to 8 bits after training.

A map is uint8 with one scale, from zero to what calibration saw: it follows a ReLU (an image has a
zero point). Weights are int8 with one scale for each output channel; sums are exact.
"""

import torch
from torch import Tensor

from emiff_ros.processor import sums_byte_products

STEPS = 255
"""Of an 8-bit map."""


def largest_weight() -> int:
    """Return the largest 8-bit weight whose sums of products are exact on this CPU.

    Without an instruction for it two products are added in 16 bits: 2 * 255 * 64 still fits.
    """
    return 127 if sums_byte_products() else 64


def rounded_weights(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Round weights [D, ...] to int8; return them and the scale [D] of each output channel."""
    largest = weight.abs().flatten(1).amax(dim=1).clamp(min=1e-12)
    scales = largest / largest_weight()
    shape = -1, *[1] * (weight.ndim - 1)
    return (weight / scales.view(shape)).round().to(torch.int8), scales
