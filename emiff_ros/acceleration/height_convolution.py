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

"""The 3D neck's convolutions with height as the slowest axis, as 3D or as 2D convolutions."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from emiff_ros.acceleration.fused_convolution import convolve_and_rectify, is_fusible

KERNEL = 3


class HeightConvolution(nn.Module):
    """A 3x3x3 convolution over (x, y, z) as one over (z, y, x), with bias and ReLU.

    ``conv3d`` maps [1, C, nz, ny, nx] -> [1, D, nz', ny, nx]. ``conv2d`` maps [nz, C, ny, nx] ->
    [nz', D, ny, nx]: the planes are a batch, and each output plane reads its three input planes as
    3 C channels. Both multiply the same numbers.
    """

    def __init__(
        self, convolution: nn.Conv3d, form: Literal['conv3d', 'conv2d'], fused: bool = False
    ) -> None:
        """Take the weights of ``convolution`` [D, C, 3, 3, 3], axes x, y, z; the stride is z's."""
        super().__init__()
        self.form, self.fused = form, fused and is_fusible(convolution)
        self.stride, self.padding = convolution.stride[2], convolution.padding[2]
        weight = convolution.weight.detach().permute(0, 1, 4, 3, 2)
        bias = convolution.bias
        bias = weight.new_zeros(len(weight)) if bias is None else bias.detach()
        if form == 'conv2d':
            weight = weight.permute(0, 2, 1, 3, 4).flatten(1, 2)
        self.weight = nn.Parameter(weight.contiguous(), requires_grad=False)
        self.bias = nn.Parameter(bias, requires_grad=False)

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """Return ReLU(convolution + bias + residual)."""
        if self.form == 'conv3d':
            stride, padding = (self.stride, 1, 1), (self.padding, 1, 1)
        else:
            x, stride, padding = neighbouring_planes(x, self.stride, self.padding), (1, 1), (1, 1)
        if self.fused:
            return convolve_and_rectify(x, self.weight, self.bias, stride, padding, residual)
        convolve = functional.conv3d if self.form == 'conv3d' else functional.conv2d
        out = convolve(x, self.weight, self.bias, stride, padding)
        return (out if residual is None else out.add_(residual)).relu_()


def neighbouring_planes(planes: Tensor, stride: int, padding: int) -> Tensor:
    """Planes [nz, C, ny, nx] -> [nz', 3 C, ny, nx], each with the ones below and above."""
    height, channels = planes.shape[:2]
    count = (height + 2 * padding - KERNEL) // stride + 1
    if count == 1 and not padding:
        return planes.permute(2, 3, 0, 1).flatten(2).permute(2, 0, 1).unsqueeze(0)
    out = torch.empty(
        count,
        KERNEL * channels,
        *planes.shape[2:],
        dtype=planes.dtype,
        device=planes.device,
        memory_format=torch.channels_last,
    )
    for tap in range(KERNEL):
        read = [index * stride + tap - padding for index in range(count)]
        inside = [index for index, plane in enumerate(read) if 0 <= plane < height]
        first, last = inside[0], inside[-1] + 1
        part = out[:, tap * channels : (tap + 1) * channels]
        part[:first].zero_()
        part[last:].zero_()
        part[first:last] = planes[read[first] : read[last - 1] + 1 : stride]
    return out
