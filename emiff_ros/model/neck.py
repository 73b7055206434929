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

"""From the voxel volume to the bird's-eye map: 3D convolutions, or 2D ones on a folded volume.

EMIFF (arXiv 2402.15272) takes the 3D neck of ImVoxelNet (arXiv 2106.01178) as it is.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from emiff_ros.model.config import EmiffConfig
from emiff_ros.model.recorder import record


class Residual(nn.Module):
    """ReLU(x + norm(conv(ReLU(norm(conv(x)))))), kernel 3, channels unchanged."""

    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        """Take both convolutions with their norms."""
        super().__init__()
        self.first, self.second = first, second

    def forward(self, x: Tensor) -> Tensor:
        """Run both."""
        return torch.relu(x + self.second(torch.relu(self.first(x))))


def _conv3d(
    in_channels: int, out_channels: int, stride: int = 1, pad_height: int = 1
) -> nn.Module:
    """3x3x3 convolution and norm; ``stride`` and ``pad_height`` act along z."""
    convolution = nn.Conv3d(
        in_channels, out_channels, 3, (1, 1, stride), (1, 1, pad_height), bias=False
    )
    return nn.Sequential(convolution, nn.BatchNorm3d(out_channels))


def _conv2d(in_channels: int, out_channels: int) -> nn.Module:
    convolution = nn.Conv2d(in_channels, out_channels, 3, 1, 1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out_channels))


class VolumeNeck(nn.Module):
    """Volume [B, C, nx, ny, nz] -> bird's-eye map [B, out, ny, nx].

    Stages of one residual block each; between them a convolution halves the height. The last
    convolution turns the remaining three cells of height into one. The released model: widths
    64, 128, 256, heights 12, 6, 3, then 1.
    """

    def __init__(self, config: EmiffConfig) -> None:
        """Build the stages of ``config.neck``."""
        super().__init__()
        neck = config.neck
        layers: list[nn.Module] = []
        if neck.widths[0] != config.fpn_channels:
            layers.append(nn.Sequential(_conv3d(config.fpn_channels, neck.widths[0]), nn.ReLU()))
        for index, width in enumerate(neck.widths):
            if index > 0:
                halve = _conv3d(neck.widths[index - 1], width, stride=2)
                layers.append(nn.Sequential(halve, nn.ReLU(inplace=True)))
            if neck.residual:
                layers.append(Residual(_conv3d(width, width), _conv3d(width, width)))
        flatten = _conv3d(neck.widths[-1], neck.out_channels, pad_height=0)
        layers.append(nn.Sequential(flatten, nn.ReLU(inplace=True)))
        self.layers = nn.ModuleList(layers)

    def forward(self, volume: Tensor) -> Tensor:
        """Reduce a volume to its bird's-eye map."""
        for index, layer in enumerate(self.layers):
            volume = record(f'neck3d_{index}', layer(volume))
        return record('bev', volume.squeeze(-1).transpose(2, 3).contiguous())


class FoldedNeck(nn.Module):
    """Volume [B, C, nx, ny, nz] -> bird's-eye map [B, out, ny, nx] with 2D convolutions only.

    The height is folded into the channels (C * nz); a 1x1 convolution mixes them down to the first
    width. For devices where 3D convolutions are slow or missing; no part of the paper.
    """

    def __init__(self, config: EmiffConfig) -> None:
        """Build the stages of ``config.neck``."""
        super().__init__()
        neck = config.neck
        folded = config.fpn_channels * config.voxels.counts[2]
        layers: list[nn.Module] = [
            nn.Conv2d(folded, neck.widths[0], 1, bias=False),
            nn.BatchNorm2d(neck.widths[0]),
            nn.ReLU(inplace=True),
        ]
        for width, following in pairwise([*neck.widths, neck.out_channels]):
            if neck.residual:
                layers.append(Residual(_conv2d(width, width), _conv2d(width, width)))
            layers += [_conv2d(width, following), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers)

    def forward(self, volume: Tensor) -> Tensor:
        """Reduce a volume to its bird's-eye map."""
        folded = volume.permute(0, 1, 4, 3, 2).flatten(1, 2)
        return record('bev', self.layers(folded))


def make_neck(config: EmiffConfig) -> VolumeNeck | FoldedNeck:
    """Return the neck that ``config.neck.kind`` asks for."""
    return VolumeNeck(config) if config.neck.kind == 'volume' else FoldedNeck(config)
