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

"""The 3D neck on a volume whose memory runs over z, y, x and channels."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from emiff_ros.acceleration.height_convolution import HeightConvolution
from emiff_ros.acceleration.winograd import WinogradConvolution
from emiff_ros.model.neck import VolumeNeck


class Residual(nn.Module):
    """ReLU(x + convolution(ReLU(convolution(x)))), where convolutions add and apply ReLU."""

    def __init__(self, first: nn.Module, second: nn.Module, in_place: bool = False) -> None:
        """Take both convolutions.

        ``in_place`` writes the result over the input, which only Winograd's convolution can.
        """
        super().__init__()
        self.first, self.second, self.in_place = first, second, in_place

    def forward(self, x: Tensor) -> Tensor:
        """Run both."""
        if self.in_place:
            return self.second(self.first(x), residual=x, out=x)
        return self.second(self.first(x), residual=x)


class HeightMajorNeck(nn.Module):
    """Volume [1, C, nx, ny, nz] -> bird's-eye map [1, out, ny, nx], as the neck that it replaces.

    A volume from :class:`emiff_ros.acceleration.voxel_reads.VoxelReader` is taken without a copy.
    """

    def __init__(
        self,
        neck: VolumeNeck,
        form: Literal['conv3d', 'conv2d', 'winograd'],
        fused: bool = False,
    ) -> None:
        """Take the weights of ``neck``, whose norms may or may not be folded."""
        super().__init__()
        self.form = form
        layers = []
        for layer in neck.layers:
            if isinstance(layer, nn.Sequential):
                layers.append(_convolution(layer[0], form, fused))
            else:
                sides = layer.first, layer.second
                # The volume is the caller's, what comes after it is the neck's own.
                in_place = form == 'winograd' and bool(layers)
                convolutions = (_convolution(side, form, fused) for side in sides)
                layers.append(Residual(*convolutions, in_place=in_place))
        self.layers = nn.Sequential(*layers)

    def forward(self, volume: Tensor) -> Tensor:
        """Reduce a volume to its bird's-eye map."""
        if self.form == 'conv3d':
            x = volume.permute(0, 1, 4, 3, 2)
            return self.layers(x.contiguous(memory_format=torch.channels_last_3d)).squeeze(2)
        planes = volume.squeeze(0).permute(3, 0, 2, 1)
        return self.layers(planes.contiguous(memory_format=torch.channels_last))


def _convolution(pair: nn.Sequential, form: str, fused: bool) -> nn.Module:
    convolution, norm = pair
    if isinstance(norm, nn.BatchNorm3d):
        convolution = fuse_conv_bn_eval(convolution, norm)
    if form == 'winograd':
        return WinogradConvolution(convolution)
    return HeightConvolution(convolution, form, fused)
