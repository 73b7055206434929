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

"""Convolutions whose bias, residual and ReLU are part of cuDNN's kernel: one pass over the result.

Operation by operation each of the three reads and writes the whole map again.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from emiff_ros.acceleration.residual import Residual
from emiff_ros.model import neck
from emiff_ros.model.backbone import BasicBlock, Bottleneck

_CHANNELS_AT_ONCE = 8
"""cuDNN's fused kernels read the channels of a pixel in words of so many."""


def convolve_and_rectify(
    x: Tensor,
    weight: Tensor,
    bias: Tensor,
    stride: Sequence[int],
    padding: Sequence[int],
    residual: Tensor | None = None,
) -> Tensor:
    """Return ReLU(convolution + bias + residual) of a map or volume on an NVIDIA GPU."""
    geometry = (stride, padding, (1,) * len(stride), 1)
    if residual is None:
        return torch.cudnn_convolution_relu(x, weight, bias, *geometry)
    return torch.cudnn_convolution_add_relu(x, weight, residual, 1.0, bias, *geometry)


class FusedConvolution(nn.Module):
    """A 2D convolution and what follows it: [B, C, H, W] -> [B, D, H', W']."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        """Take the weights of ``convolution``, into which its norm is folded."""
        super().__init__()
        self.stride, self.padding = convolution.stride, convolution.padding
        self.weight = nn.Parameter(convolution.weight.detach(), requires_grad=False)
        self.bias = nn.Parameter(convolution.bias.detach(), requires_grad=False)

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """Return ReLU(convolution + bias + residual)."""
        return convolve_and_rectify(x, self.weight, self.bias, self.stride, self.padding, residual)


class FusedBlock(nn.Module):
    """A residual block of a ResNet."""

    def __init__(self, block: BasicBlock | Bottleneck) -> None:
        """Take the convolutions of ``block``, into which its norms are folded."""
        super().__init__()
        *first, last = map(FusedConvolution, _inner(block))
        self.first, self.last = nn.Sequential(*first), last
        self.downsample = block.downsample

    def forward(self, x: Tensor) -> Tensor:
        """[B, in, H, W] -> [B, out, H/stride, W/stride]."""
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.last(self.first(x), residual=shortcut)


def fuse_activations(network: nn.Module) -> None:
    """Exchange the network's 2D convolutions that a ReLU follows, in place.

    Their norms must be folded. Where channels are few, as in the stem and the compression, they
    stay as they are.
    """
    for module in list(network.modules()):
        if isinstance(module, nn.Sequential):
            _fuse_sequence(module)


def _fuse_sequence(sequence: nn.Sequential) -> None:
    for index, layer in enumerate(sequence):
        if isinstance(layer, BasicBlock | Bottleneck) and all(map(_is_fusible, _inner(layer))):
            sequence[index] = FusedBlock(layer)
        elif isinstance(layer, neck.Residual):
            sides = (FusedConvolution(_convolution(side)) for side in (layer.first, layer.second))
            sequence[index] = Residual(*sides)
    steps = [i for i, layer in enumerate(sequence) if not isinstance(layer, nn.Identity)]
    for index, following in pairwise(steps):
        convolution = _convolution(sequence[index])
        if isinstance(sequence[following], nn.ReLU) and _is_fusible(convolution):
            sequence[index], sequence[following] = FusedConvolution(convolution), nn.Identity()


def _inner(block: BasicBlock | Bottleneck) -> list[nn.Conv2d]:
    """Return the convolutions of a block without its shortcut's, in order."""
    last = [block.conv3] if isinstance(block, Bottleneck) else []
    return [block.conv1, block.conv2, *last]


def _convolution(layer: nn.Module) -> nn.Module:
    """Return a layer, or what remains of a convolution and its norm once they are folded."""
    return layer[0] if isinstance(layer, nn.Sequential) and _is_folded(layer) else layer


def _is_folded(sequence: nn.Sequential) -> bool:
    return all(isinstance(layer, nn.Identity) for layer in list(sequence)[1:])


def _is_fusible(layer: nn.Module) -> bool:
    if not isinstance(layer, nn.Conv2d):
        return False
    return not (layer.in_channels % _CHANNELS_AT_ONCE or layer.out_channels % _CHANNELS_AT_ONCE)
