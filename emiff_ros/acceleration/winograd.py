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

"""Winograd's minimal filtering F(6x6, 3x3) for the float32 3D neck on a CPU.

Along y and x, six outputs come from eight products instead of eighteen, so that 6x6 outputs of a
plane take 64 products instead of 324 (Lavin and Gray, arXiv 1509.09308). The height stays an
ordinary convolution of three planes. oneDNN's own Winograd cannot be reached from PyTorch.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

TILE = 6
_PATCH = TILE + 2
_STRIP_TILES = 168
"""Tiles at once: enough for a matrix product, and few enough for the memory that they take."""
_POINTS = (0, 1, -1, 2, -2, 1 / 2, -1 / 2)
_AT_ONE = _POINTS.index(1) * (_PATCH + 1)
"""The point (1, 1) of a transformed plane: what is added there reaches all sums alike."""


def _transforms() -> tuple[Tensor, Tensor, Tensor]:
    """Return float64 transforms: of eight inputs [8, 8], a filter [8, 3], to six sums [6, 8].

    Polynomials are multiplied by their values at _POINTS and at infinity (Cook and Toom).
    """
    inputs = np.zeros((_PATCH, _PATCH))
    filters, sums = np.zeros((_PATCH, 3)), np.zeros((TILE, _PATCH))
    for row, point in enumerate(_POINTS):
        others = np.poly([other for other in _POINTS if other != point])
        inputs[row, :-1] = others[::-1]
        filters[row] = point ** np.arange(3.0) / np.polyval(others, point)
        sums[:, row] = point ** np.arange(float(TILE))
    inputs[-1] = np.poly(_POINTS)[::-1]
    filters[-1, -1] = sums[-1, -1] = 1
    return torch.from_numpy(inputs), torch.from_numpy(filters), torch.from_numpy(sums)


class WinogradConvolution(nn.Module):
    """ReLU of a 3x3x3 convolution on planes: [nz, C, ny, nx] -> [nz', D, ny, nx].

    Same products as :class:`emiff_ros.acceleration.height_convolution.HeightConvolution` of form
    conv2d up to rounding, which grows about tenfold.
    """

    def __init__(self, convolution: nn.Conv3d) -> None:
        """Take the weights of ``convolution`` [D, C, 3, 3, 3], axes x, y, z; the stride is z's."""
        super().__init__()
        self.stride, self.padding = convolution.stride[2], convolution.padding[2]
        spread, filters, gather = _transforms()
        weight = convolution.weight.detach().permute(3, 2, 4, 1, 0).double()
        weight = torch.einsum('ay,bx,yxzcd->abzcd', filters, filters, weight)
        bias = convolution.bias
        bias = weight.new_zeros(weight.shape[-1]) if bias is None else bias.detach()
        for name, values in (
            ('weight', weight.flatten(2, 3).flatten(0, 1)),
            ('bias', bias),
            ('spread', spread),
            ('gather', gather),
        ):
            self.register_parameter(name, nn.Parameter(values.float().contiguous(), False))

    def forward(
        self, x: Tensor, residual: Tensor | None = None, out: Tensor | None = None
    ) -> Tensor:
        """Return ReLU(convolution + bias + residual), in ``out`` if it is given.

        ``out`` may be ``residual`` but not ``x``, whose rows are read again for the next ones.
        """
        pixels = x.permute(0, 2, 3, 1)
        height, rows, columns, _ = pixels.shape
        count = (height + 2 * self.padding - 3) // self.stride + 1
        if out is None:
            shape = count, len(self.bias), rows, columns
            out = torch.empty(shape, dtype=x.dtype, memory_format=torch.channels_last)
        step = TILE * max(1, _STRIP_TILES // -(-columns // TILE))
        for start in range(0, rows, step):
            stop = min(start + step, rows)
            sums = self._sums(self._factors(pixels, start, stop), count)
            written, added = (
                None if planes is None else planes[:, :, start:stop].permute(0, 2, 3, 1)
                for planes in (out, residual)
            )
            _add_and_rectify(sums, added, written)
        return out

    def _factors(self, pixels: Tensor, start: int, stop: int) -> Tensor:
        """Transform rows start to stop of [nz, ny, nx, C], tile by tile: [64, y, x, nz, C]."""
        height, rows, columns, channels = pixels.shape
        high, wide = -(-(stop - start) // TILE), -(-columns // TILE)
        length = TILE * wide + 2
        first, last = max(start - 1, 0), min(start + TILE * high + 1, rows)
        above, below = first - (start - 1), start + TILE * high + 1 - last
        beside = 1, length - 1 - columns
        strip = functional.pad(pixels[:, first:last], (0, 0, *beside, above, below))

        lines = strip.new_empty(high, height, _PATCH, length * channels)
        for tile, out in enumerate(lines):
            patch = strip[:, TILE * tile : TILE * tile + _PATCH].flatten(2)
            torch.bmm(self.spread.expand(height, -1, -1), patch, out=out)
        lines = lines.unflatten(3, (length, channels)).permute(2, 0, 3, 1, 4)
        taps = lines.unfold(2, _PATCH, TILE).permute(0, 5, 1, 2, 3, 4)
        factors = torch.bmm(self.spread.expand(_PATCH, -1, -1), taps.flatten(2))
        return factors.view(-1, *taps.shape[2:])

    def _sums(self, factors: Tensor, count: int) -> Tensor:
        """Multiply by the weights and transform back: [nz', 6, 6, y, x, D]."""
        points, high, wide, height, channels = factors.shape
        planes = factors.view(points, high * wide, height * channels)
        products = planes.new_empty(count, points, high * wide, len(self.bias))
        for plane, out in enumerate(products):
            below = plane * self.stride - self.padding
            first, last = max(below, 0), min(below + 3, height)
            read = slice(first * channels, last * channels)
            taps = slice((first - below) * channels, (last - below) * channels)
            torch.bmm(planes[:, :, read], self.weight[:, taps], out=out)
        products[:, _AT_ONE] += self.bias
        rows = torch.matmul(self.gather, products.view(count, _PATCH, -1))
        sums = torch.matmul(self.gather, rows.view(count * TILE, _PATCH, -1))
        return sums.view(count, TILE, TILE, high, wide, -1)


def _add_and_rectify(sums: Tensor, added: Tensor | None, out: Tensor) -> None:
    """Write ReLU(sums + added) to [nz, rows, columns, D]; the last tiles may reach beyond it."""
    for y, inside_y, rows in _tiles(out.shape[1]):
        for x, inside_x, columns in _tiles(out.shape[2]):
            values = sums[:, :inside_y, :inside_x, y, x].permute(0, 3, 1, 4, 2, 5)
            target, given = (
                None
                if whole is None
                else whole[:, rows, columns]
                .unflatten(2, (-1, inside_x))
                .unflatten(1, (-1, inside_y))
                for whole in (out, added)
            )
            torch.clamp(values if given is None else values.add_(given), min=0, out=target)


def _tiles(length: int) -> Iterator[tuple[slice, int, slice]]:
    """Yield the whole tiles of an axis, then the one cut short: which, values in each, pixels."""
    whole, rest = divmod(length, TILE)
    if whole:
        yield slice(0, whole), TILE, slice(0, whole * TILE)
    if rest:
        yield slice(whole, whole + 1), rest, slice(whole * TILE, length)
