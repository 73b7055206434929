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

"""Convolutions whose inputs and weights are rounded to 8 bits, written in float32.

The numbers are those of an 8-bit convolution; OpenVINO recognises the rounding and computes in
bytes.
"""

import torch
from torch import Tensor, nn

from emiff_ros.acceleration.byte_rounding import rounded_weights
from emiff_ros.acceleration.openvino_operators import rounded_map


class RoundedConvolution(nn.Module):
    """A 2D convolution [B, C, H, W] -> [B, D, H', W'] of a rounded map and rounded weights."""

    def __init__(self, convolution: nn.Conv2d, scale: float, zero_point: int = 0) -> None:
        """Round the weights.

        Args:
            convolution: in float32, its batch norm folded into it.
            scale: what one step of the input stands for.
            zero_point: which of the steps 0 to 255 stands for 0.
        """
        super().__init__()
        self._scale, self._zero_point = scale, zero_point
        self._geometry = convolution.stride, convolution.padding, convolution.dilation
        weight, scales = rounded_weights(convolution.weight.detach())
        self.register_buffer('weight', weight)
        self.register_buffer('scales', scales.view(-1, 1, 1, 1))
        self.bias = convolution.bias

    def forward(self, x: Tensor) -> Tensor:
        """Round ``x`` and convolve it."""
        steps = rounded_map(x, self._scale, self._zero_point)
        weight = self.weight.float() * self.scales
        return torch.nn.functional.conv2d(steps, weight, self.bias, *self._geometry)
