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

from emiff_ros.model.backbone import BasicBlock, Bottleneck
from emiff_ros.model.neck import Residual

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


def is_fusible(convolution: nn.Conv2d | nn.Conv3d) -> bool:
    """Tell whether a convolution has channels as :func:`convolve_and_rectify` takes them."""
    counts = convolution.in_channels, convolution.out_channels
    return all(count % _CHANNELS_AT_ONCE == 0 for count in counts)


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
    """A residual block: [B, C, H, W] -> [B, D, H', W']."""

    def __init__(self, convolutions: Sequence[nn.Conv2d], shortcut: nn.Module | None) -> None:
        """Take the convolutions in order, and what the input goes through beside them, if any."""
        super().__init__()
        *first, last = map(FusedConvolution, convolutions)
        self.first, self.last, self.shortcut = nn.Sequential(*first), last, shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Add what the convolutions and the shortcut give, and rectify."""
        beside = x if self.shortcut is None else self.shortcut(x)
        return self.last(self.first(x), residual=beside)


def fuse_activations(network: nn.Module) -> None:
    """Exchange the network's 2D convolutions that a ReLU follows, in place.

    Their norms must be folded. Where channels are few, as in the stem and the compression, they
    stay as they are.
    """
    for module in list(network.modules()):
        if isinstance(module, nn.Sequential):
            _fuse_blocks(module)
            _fuse_layers(module)


def _fuse_blocks(sequence: nn.Sequential) -> None:
    for index, layer in enumerate(sequence):
        convolutions = _block_convolutions(layer)
        if convolutions and all(map(is_fusible, convolutions)):
            sequence[index] = FusedBlock(convolutions, getattr(layer, 'downsample', None))


def _fuse_layers(sequence: nn.Sequential) -> None:
    steps = [i for i, layer in enumerate(sequence) if not isinstance(layer, nn.Identity)]
    for index, following in pairwise(steps):
        convolution = _convolution(sequence[index])
        fusible = convolution is not None and is_fusible(convolution)
        if fusible and isinstance(sequence[following], nn.ReLU):
            sequence[index], sequence[following] = FusedConvolution(convolution), nn.Identity()


def _block_convolutions(layer: nn.Module) -> list[nn.Conv2d]:
    """Return the convolutions of a residual block but for its shortcut's; none of other layers."""
    if isinstance(layer, Bottleneck):
        return [layer.conv1, layer.conv2, layer.conv3]
    if isinstance(layer, BasicBlock):
        return [layer.conv1, layer.conv2]
    if isinstance(layer, Residual):
        return [_convolution(layer.first), _convolution(layer.second)]
    return []


def _convolution(layer: nn.Module) -> nn.Conv2d | None:
    """Return the convolution that a layer is, by itself or with its folded norm behind it."""
    whole = layer if isinstance(layer, nn.Sequential) else [layer]
    parts = [part for part in whole if not isinstance(part, nn.Identity)]
    return parts[0] if len(parts) == 1 and isinstance(parts[0], nn.Conv2d) else None
