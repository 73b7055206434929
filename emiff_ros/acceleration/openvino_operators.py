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

import torch
from torch import Tensor, nn

from emiff_ros.model.cross_attention import ScaleAlignment
from emiff_ros.model.deformable import DeformableConv, deformable_conv2d


@torch.library.custom_op('emiff_ros::deformable_conv2d', mutates_args=())
def _deformable_conv2d(x: Tensor, offset: Tensor, weight: Tensor) -> Tensor:
    return deformable_conv2d(x, offset, weight)


@_deformable_conv2d.register_fake
def _(x: Tensor, offset: Tensor, weight: Tensor) -> Tensor:
    return x.new_empty(len(x), len(weight), *x.shape[2:])


class DeformableOperator(nn.Module):
    """Deformable 3x3 convolution and the batch norm behind it as one operator and a bias."""

    def __init__(self, convolution: DeformableConv, norm: nn.BatchNorm2d) -> None:
        """Take the weights of ``convolution``, multiplied by those of the norm."""
        super().__init__()
        self.offset = convolution.offset
        factor = (norm.weight * (norm.running_var + norm.eps).rsqrt()).detach()
        self.weight = nn.Parameter(convolution.weight.detach() * factor.view(-1, 1, 1, 1))
        self.bias = nn.Parameter(norm.bias.detach() - norm.running_mean * factor)
        self.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve at predicted positions: [B, C, H, W] -> [B, C, H, W]."""
        convolved = torch.ops.emiff_ros.deformable_conv2d(x, self.offset(x), self.weight)
        return convolved + self.bias.view(-1, 1, 1)


def use_operators(network: nn.Module) -> None:
    """Exchange every deformable convolution and the norm behind it, in place."""
    for module in list(network.modules()):
        if isinstance(module, ScaleAlignment):
            module.deformable = DeformableOperator(module.deformable, module.norm)
            module.norm = nn.Identity()


def conversions() -> list:
    """Return how OpenVINO translates the operators."""
    from openvino import opset8
    from openvino.frontend.pytorch import ConversionExtension

    def deformable(context: object) -> list:
        x, offset, weight = (context.get_input(place) for place in range(3))
        geometry = ([1, 1],) * 4  # strides, padding before and behind, dilations
        node = opset8.deformable_convolution(
            x, offset, weight, *geometry, bilinear_interpolation_pad=True
        )
        return node.outputs()

    return [ConversionExtension('emiff_ros.deformable_conv2d.default', deformable)]
