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

"""What the networks compute and OpenVINO has another name for."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from emiff_ros.acceleration.byte_rounding import STEPS
from emiff_ros.acceleration.deformable_norm import exchange_deformations, with_norm
from emiff_ros.acceleration.openvino_package import import_openvino
from emiff_ros.model.deformable import DeformableConv, deformable_conv2d


@torch.library.custom_op('emiff_ros::deformable_conv2d', mutates_args=())
def _deformable_conv2d(x: Tensor, offset: Tensor, weight: Tensor) -> Tensor:
    return deformable_conv2d(x, offset, weight)


@torch.library.custom_op('emiff_ros::rounded_map', mutates_args=())
def rounded_map(x: Tensor, scale: float, zero_point: int) -> Tensor:
    """Round a map to the 256 values (0 to 255 - ``zero_point``) * ``scale``."""
    return torch.fake_quantize_per_tensor_affine(x, scale, zero_point, 0, STEPS)


class DeformableOperator(nn.Module):
    """Deformable 3x3 convolution and the batch norm behind it as one operator and a bias."""

    def __init__(self, convolution: DeformableConv, norm: nn.BatchNorm2d) -> None:
        """Take the weights of ``convolution``, multiplied by those of the norm."""
        super().__init__()
        self.offset = convolution.offset
        weight, bias = with_norm(convolution, norm)
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.bias = nn.Parameter(bias, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve at predicted positions: [B, C, H, W] -> [B, C, H, W]."""
        convolved = torch.ops.emiff_ros.deformable_conv2d(x, self.offset(x), self.weight)
        return convolved + self.bias.view(-1, 1, 1)


def use_operators(network: nn.Module) -> None:
    """Exchange every deformable convolution and the norm behind it, in place."""
    exchange_deformations(network, DeformableOperator)


def conversions() -> list[Any]:
    """Return how OpenVINO translates the operators.

    Raises:
        ValueError: if it is not installed.
    """
    operators = import_openvino().opset8
    from openvino.frontend.pytorch import ConversionExtension

    def deformable(context: Any) -> list[Any]:
        x, offset, weight = (context.get_input(place) for place in range(3))
        geometry = ([1, 1],) * 4  # strides, padding before and behind, dilations
        node = operators.deformable_convolution(
            x, offset, weight, *geometry, bilinear_interpolation_pad=True
        )
        return node.outputs()

    def rounded(context: Any) -> list[Any]:
        scale, zero_point = (context.get_values_from_const_input(place) for place in (1, 2))
        ends = (np.float32(scale * (end - zero_point)) for end in (0, STEPS))
        limits = [operators.constant(end) for end in ends] * 2
        return operators.fake_quantize(context.get_input(0), *limits, STEPS + 1).outputs()

    return [
        ConversionExtension('emiff_ros.deformable_conv2d.default', deformable),
        ConversionExtension('emiff_ros.rounded_map.default', rounded),
    ]
