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

"""2D convolutions of 8-bit maps on a CPU (oneDNN), with weights rounded after training.

A map is uint8 with one scale, from zero to what calibration saw: it follows a ReLU (an
image has a zero point). Weights are int8 with one scale for each output channel; sums are exact.
"""

import torch
from torch import Tensor, nn

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


def to_bytes(x: Tensor, scale: float, zero_point: int = 0) -> Tensor:
    """Round a map to uint8; one step stands for ``scale``, ``zero_point`` for 0.

    What is too small or too large becomes 0 or 255.
    """
    steps = x.div(scale)
    if zero_point:
        steps.add_(zero_point)
    return steps.round_().clamp_(0, STEPS).to(torch.uint8)


class ByteConvolution(nn.Module):
    """A convolution of maps uint8 [1, C, H, W] -> [1, D, H', W'], channels last."""

    def __init__(
        self,
        convolution: nn.Conv2d,
        input_scale: float,
        output_scale: float | None = None,
        input_zero_point: int = 0,
    ) -> None:
        """Round and pack weights.

        Args:
            convolution: in float32, its batch norm folded into it.
            input_scale: what one step of the input stands for.
            output_scale: the same of the output, which is uint8 after a ReLU; None for float32
                without one.
            input_zero_point: which byte of the input stands for 0.
        """
        super().__init__()
        self._input, self._output_scale = (input_scale, input_zero_point), output_scale
        self._geometry = (
            *(list(convolution.stride), list(convolution.padding), list(convolution.dilation)),
            convolution.groups,
        )
        weight = convolution.weight.detach().float()
        bias = convolution.bias
        self._bias = weight.new_zeros(len(weight)) if bias is None else bias.detach().float()
        rounded, self._weight_scales = rounded_weights(weight)
        self._zero_points = torch.zeros(len(weight), dtype=torch.int)
        self._packed = torch.ops.onednn.qconv_prepack(
            rounded.contiguous(), self._weight_scales, *self._input, *self._geometry
        )

    def forward(self, x: Tensor) -> Tensor:
        """Convolve; uint8 saturates at zero, which is the ReLU."""
        return torch.ops.onednn.qconv2d_pointwise(
            *self._inputs(x), self._bias, *self._geometry, *self._output(), 'none', [], ''
        )

    def add(self, x: Tensor, residual: Tensor, residual_scale: float = 1.0) -> Tensor:
        """Return ReLU(convolution + residual); the residual has the type of the output."""
        total = residual.clone(memory_format=torch.channels_last)
        addition = residual_scale, 0, 'sum', 1.0, 'relu', [], ''
        return torch.ops.onednn.qconv2d_pointwise(
            *self._inputs(x), total, self._bias, *self._geometry, *self._output(), *addition
        )

    def _inputs(self, x: Tensor) -> tuple:
        return x, *self._input, self._packed, self._weight_scales, self._zero_points

    def _output(self) -> tuple:
        scale = self._output_scale
        return (1.0, 0, torch.float32) if scale is None else (scale, 0, torch.uint8)
