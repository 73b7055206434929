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

"""Winograd's minimal filtering F(4x4, 3x3) for the float32 3D neck on a CPU.

Along y and x, four outputs come from six products instead of twelve, so that 4x4 outputs of a
plane take 36 products instead of 144 (Lavin and Gray, arXiv 1509.09308). The height stays an
ordinary convolution of three planes. oneDNN's own Winograd cannot be reached from PyTorch.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

TILE = 4
_PATCH = TILE + 2
_STRIP_VALUES = 4 << 20
_FILTER = torch.tensor(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ],
    dtype=torch.float64,
)


class WinogradConvolution(nn.Module):
    """ReLU of a 3x3x3 convolution on planes: [nz, C, ny, nx] -> [nz', D, ny, nx].

    Same products as :class:`emiff_ros.acceleration.height_convolution.HeightConvolution` of form
    conv2d up to rounding, which grows about tenfold.
    """

    def __init__(self, convolution: nn.Conv3d) -> None:
        """Take the weights of ``convolution`` [D, C, 3, 3, 3], axes x, y, z; the stride is z's."""
        super().__init__()
        self.stride, self.padding = convolution.stride[2], convolution.padding[2]
        weight = convolution.weight.detach().permute(3, 2, 0, 1, 4).double()
        weight = torch.einsum('ay,bx,yxdcz->abdcz', _FILTER, _FILTER, weight)
        bias = convolution.bias
        bias = weight.new_zeros(weight.shape[2]) if bias is None else bias.detach()
        self.weights = nn.ParameterList(
            nn.Parameter(
                one.float().unsqueeze(3).contiguous(memory_format=torch.channels_last),
                requires_grad=False,
            )
            for one in weight.flatten(0, 1)
        )
        self.bias = nn.Parameter(bias.float(), requires_grad=False)

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """Return ReLU(convolution + bias + residual)."""
        height, _, rows, columns = x.shape
        count = (height + 2 * self.padding - 3) // self.stride + 1
        out = torch.empty(
            *(count, len(self.bias), rows, columns),
            dtype=x.dtype,
            memory_format=torch.channels_last,
        )
        pixels = x.permute(0, 2, 3, 1)
        per_tile_row = height * x.shape[1] * -(-columns // TILE) * _PATCH**2
        step = TILE * max(1, _STRIP_VALUES // per_tile_row)
        for start in range(0, rows, step):
            stop = min(start + step, rows)
            values = self._strip(pixels, start, stop)[:, : stop - start, :columns]
            if residual is not None:
                values = values.add_(residual[:, :, start:stop].permute(0, 2, 3, 1))
            torch.clamp(values, min=0, out=out[:, :, start:stop].permute(0, 2, 3, 1))
        return out

    def _strip(self, pixels: Tensor, start: int, stop: int) -> Tensor:
        """Convolve rows start to stop of [nz, ny, nx, C]: [nz', 4 rows, 4 columns, D]."""
        height, rows, columns, channels = pixels.shape
        high, wide = -(-(stop - start) // TILE), -(-columns // TILE)
        first, last = max(start - 1, 0), min(start + TILE * high + 1, rows)
        above, below = first - (start - 1), start + TILE * high + 1 - last
        beside = 1, TILE * wide + 1 - columns
        patch = functional.pad(pixels[:, first:last], (0, 0, *beside, above, below))
        lines = patch.new_empty(_PATCH, height, high, TILE * wide + 2, channels)
        _spread(_taps(patch, 1, high), lines.unbind(0))
        cells = patch.new_empty(_PATCH, _PATCH, height, high, wide, channels)
        _spread(_taps(lines, 3, wide), cells.unbind(1))

        count = (height + 2 * self.padding - 3) // self.stride + 1
        products = []
        for index, weight in enumerate(self.weights):
            tiles = cells[index // _PATCH, index % _PATCH].flatten(1, 2)
            # At this point of the transformed plane a constant reaches all outputs.
            bias = self.bias if index == _PATCH + 1 else None
            product = functional.conv2d(
                tiles.permute(2, 0, 1).unsqueeze(0),
                weight,
                bias,
                (self.stride, 1),
                (self.padding, 0),
            )
            products.append(product[0].permute(1, 2, 0).unflatten(1, (high, wide)))
        joined = patch.new_empty(_PATCH, count, high, wide, TILE, len(self.bias))
        for row in range(_PATCH):
            _gather(products[row * _PATCH : (row + 1) * _PATCH], joined[row].unbind(3))
        result = patch.new_empty(count, high, TILE, TILE * wide, len(self.bias))
        _gather(joined.flatten(3, 4).unbind(0), result.unbind(2))
        return result.flatten(1, 2)


def _taps(x: Tensor, axis: int, count: int) -> list[Tensor]:
    """Return the six values that each of ``count`` tiles reads along an axis."""
    length = TILE * (count - 1) + 1
    every = (slice(None),) * axis + (slice(None, None, TILE),)
    return [x.narrow(axis, tap, length)[every] for tap in range(_PATCH)]


def _spread(taps: Sequence[Tensor], out: Sequence[Tensor]) -> None:
    """Transform six neighbours of each tile into its six factors."""
    torch.sub(taps[4], taps[2], alpha=5, out=out[0]).add_(taps[0], alpha=4)
    even, odd = (torch.sub(taps[far], taps[near], alpha=4) for far, near in ((4, 2), (3, 1)))
    torch.add(even, odd, out=out[1])
    torch.sub(even, odd, out=out[2])
    torch.sub(taps[4], taps[2], out=even)
    torch.sub(taps[3], taps[1], out=odd)
    torch.add(even, odd, alpha=2, out=out[3])
    torch.sub(even, odd, alpha=2, out=out[4])
    torch.sub(taps[5], taps[3], alpha=5, out=out[5]).add_(taps[1], alpha=4)


def _gather(products: Sequence[Tensor], out: Sequence[Tensor]) -> None:
    """Transform the six products of each tile into its four sums."""
    near_sum, near_gap = products[1] + products[2], products[1] - products[2]
    far_sum, far_gap = products[3] + products[4], products[3] - products[4]
    torch.add(near_gap, far_gap, alpha=2, out=out[1])
    torch.add(near_sum, far_sum, alpha=4, out=out[2])
    torch.add(near_gap, far_gap, alpha=8, out=out[3]).add_(products[5])
    torch.add(near_sum, far_sum, out=out[0]).add_(products[0])
