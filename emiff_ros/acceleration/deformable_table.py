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

"""Deformable convolution on a CPU: each moved tap is a weighted sum of four rows of a table.

A row holds all channels of a pixel, so that a tap reads four runs of memory, where ``grid_sample``
gathers each channel on its own. Same arithmetic as :mod:`emiff_ros.model.deformable` up to
rounding.
"""

import functools

import torch
from torch import Tensor, nn
from torch.nn import functional

from emiff_ros.acceleration.deformable_norm import exchange_deformations, with_norm
from emiff_ros.model.deformable import DeformableConv

_TAPS = 9
_VALUES_AT_ONCE = 1 << 19
"""Values read for one strip of the map: they should stay in the processor's cache."""


def read_deformations_from_tables(network: nn.Module) -> None:
    """Exchange every deformable convolution and the norm behind it, in place."""
    exchange_deformations(network, TableDeformableConv)


class TableDeformableConv(nn.Module):
    """Deformable 3x3 convolution, then a batch norm: [B, C, H, W] -> [B, C, H, W]."""

    def __init__(self, convolution: DeformableConv, norm: nn.BatchNorm2d) -> None:
        """Take the weights of ``convolution``, multiplied by those of the norm behind it."""
        super().__init__()
        self.offset = convolution.offset
        weight, bias = with_norm(convolution, norm)
        rows = weight.permute(2, 3, 1, 0).flatten(0, 2)  # [9 C, D]
        self.weight = nn.Parameter(rows, requires_grad=False)
        self.bias = nn.Parameter(bias, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve at predicted positions."""
        offset = self.offset(x).permute(0, 2, 3, 1).float().contiguous()
        pixels = x.permute(0, 2, 3, 1)
        samples = [self._convolve(*sample) for sample in zip(pixels, offset, strict=True)]
        return torch.stack(samples).permute(0, 3, 1, 2)

    def _convolve(self, pixels: Tensor, offset: Tensor) -> Tensor:
        """Convolve [H, W, C] with taps moved by [H, W, 18] pixels, (dy, dx) row by row."""
        height, width, channels = pixels.shape
        # One zero cell before each line and row, two behind: whatever lies farther out reads them.
        table = functional.pad(pixels.float(), (0, 0, 1, 2, 1, 2)).flatten(0, 1)
        places, behind = _places(height, width)
        out = pixels.new_empty(height, width, len(self.bias))
        rows = max(1, _VALUES_AT_ONCE // (width * _TAPS * channels))
        for start in range(0, height, rows):
            strip = slice(start, min(start + rows, height))
            index, share = _reads(offset[strip] + places[strip], behind, width)
            taps = functional.embedding_bag(index, table, mode='sum', per_sample_weights=share)
            taps = taps.view(-1, _TAPS * channels).to(pixels.dtype)
            out[strip] = torch.addmm(self.bias, taps, self.weight).view(-1, width, len(self.bias))
        return out


@functools.lru_cache(maxsize=8)
def _places(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return where the taps of each pixel lie while nothing moves them, (y, x).

    Returns:
        [H, W, 18], and the first places that lie behind the map, [18].
    """
    tap = torch.arange(-1.0, 2.0)
    around = torch.stack([tap.repeat_interleave(3), tap.repeat(3)], dim=1)
    pixel = torch.cartesian_prod(torch.arange(height), torch.arange(width)).view(height, width, 2)
    behind = torch.tensor([height, width], dtype=torch.float32).repeat(_TAPS)
    return (pixel.unsqueeze(2) + around).flatten(2), behind


def _reads(position: Tensor, behind: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Return what taps at [h, W, 18] positions read; ``behind`` as of :func:`_places`.

    Returns:
        Rows of the padded table, int32 [h * W * 9, 4], and their shares, float32.
    """
    position = position.nan_to_num_(-1.0).clamp_(min=-1.0).minimum(behind)
    corner = position.floor()
    below, right = position.sub_(corner).view(-1, 2).unbind(1)
    line = width + 3
    row, column = corner.view(-1, 2).unbind(1)
    first = torch.add(column, row, alpha=line).int().add_(line + 1)
    index = torch.empty(len(first), 4, dtype=torch.int32)
    for tap, step in enumerate((0, 1, line, line + 1)):
        torch.add(first, step, out=index[:, tap])
    share = torch.empty(len(first), 4)
    torch.mul(below, right, out=share[:, 3])
    torch.sub(below, share[:, 3], out=share[:, 2])
    torch.sub(right, share[:, 3], out=share[:, 1])
    torch.sub(1 - below, share[:, 1], out=share[:, 0])
    return index, share
