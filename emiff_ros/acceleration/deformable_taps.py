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

"""Deformable convolution on a CPU: each moved tap is a weighted sum of four pixels' channels.

The channels of a pixel lie together, so that a tap reads four runs of memory, where
``grid_sample`` gathers each channel on its own. Same arithmetic as
:mod:`emiff_ros.model.deformable` up to rounding.
"""

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor, nn

from emiff_ros.acceleration.deformable_norm import exchange_deformations, with_norm
from emiff_ros.compiled import compiled
from emiff_ros.model.deformable import DeformableConv

_TAPS = 9
_VALUES_AT_ONCE = 1 << 19
"""Values read for one strip of the map: they should stay in the processor's cache."""


def read_deformations_by_taps(network: nn.Module) -> None:
    """Exchange every deformable convolution and the norm behind it, in place."""
    exchange_deformations(network, TapsDeformableConv)


class TapsDeformableConv(nn.Module):
    """Deformable 3x3 convolution, then a batch norm: [B, C, H, W] -> [B, C, H, W]."""

    def __init__(self, convolution: DeformableConv, norm: nn.BatchNorm2d) -> None:
        """Take the weights of ``convolution``, multiplied by those of the norm."""
        super().__init__()
        self.offset = convolution.offset
        weight, bias = with_norm(convolution, norm)
        rows = weight.permute(2, 3, 1, 0).flatten(0, 2)  # [9 C, D]
        self.weight = nn.Parameter(rows, requires_grad=False)
        self.bias = nn.Parameter(bias, requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve at predicted positions."""
        return self.convolve(x, self.offset(x))

    def convolve(self, x: Tensor, offset: Tensor) -> Tensor:
        """Convolve [B, C, H, W] with taps moved by [B, 18, H, W] pixels, (dy, dx) row by row."""
        maps, moves = (
            values.detach().permute(0, 2, 3, 1).float().contiguous().numpy()
            for values in (x, offset)
        )
        moves = moves.reshape(*moves.shape[:3], _TAPS, 2)
        convolved = [self._convolve(*sample) for sample in zip(maps, moves, strict=True)]
        return torch.stack(convolved).permute(0, 3, 1, 2)

    def _convolve(self, pixels: NDArray[np.float32], moves: NDArray[np.float32]) -> Tensor:
        height, width, channels = pixels.shape
        padded = np.pad(pixels, ((1, 2), (1, 2), (0, 0)))
        out = self.bias.new_empty(height, width, len(self.bias))
        rows = max(1, _VALUES_AT_ONCE // (width * _TAPS * channels))
        for start in range(0, height, rows):
            strip = slice(start, min(start + rows, height))
            taps = np.empty((strip.stop - start, width, _TAPS, channels), np.float32)
            _read_taps(padded, moves[strip], start, taps)
            values = torch.from_numpy(taps).view(-1, _TAPS * channels).to(self.weight.dtype)
            convolved = out[strip].view(-1, len(self.bias))
            torch.addmm(self.bias, values, self.weight, out=convolved)
        return out


@compiled
def _read_taps(
    padded: NDArray[np.float32],
    moves: NDArray[np.float32],
    first_row: int,
    taps: NDArray[np.float32],
) -> None:
    """Read the taps of some rows of a map bilinearly.

    Args:
        padded: [1 + H + 2, 1 + W + 2, C], the map in a frame of zeros, which whatever lies farther
            out reads too.
        moves: [rows, W, 9, 2], (dy, dx) of each tap in pixels.
        first_row: the first of these rows.
        taps: [rows, W, 9, C], to be written.
    """
    height, width, channels = padded.shape
    # Indices without a sign cannot count from the end, which would cost a question each.
    next_one = np.uintp(1)
    for row in range(len(moves)):
        for column in range(width - 3):
            for tap in range(_TAPS):
                y = np.float32(first_row + row + tap // 3) + moves[row, column, tap, 0]
                x = np.float32(column + tap % 3) + moves[row, column, tap, 1]
                # What is no number is not above 0 either.
                y = min(y, np.float32(height - 2)) if y > 0 else np.float32(0)
                x = min(x, np.float32(width - 2)) if x > 0 else np.float32(0)
                top, left = np.uintp(np.int32(y)), np.uintp(np.int32(x))
                down, right = y - np.float32(top), x - np.float32(left)
                both = down * right
                above_left = np.float32(1) - down - right + both
                above_right, below_left = right - both, down - both
                for channel in range(channels):
                    taps[row, column, tap, channel] = (
                        above_left * padded[top, left, channel]
                        + above_right * padded[top, left + next_one, channel]
                        + below_left * padded[top + next_one, left, channel]
                        + both * padded[top + next_one, left + next_one, channel]
                    )
