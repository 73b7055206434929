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

"""Deformable convolution v1 (Dai et al., arXiv 1703.06211) in plain PyTorch."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from emiff_ros.model.recorder import record


def deformable_conv2d(x: Tensor, offset: Tensor, weight: Tensor) -> Tensor:
    """Convolve with 3x3 taps that are moved by learned offsets: stride 1, padding 1, no bias.

    Each tap reads its moved position bilinearly, zero outside the map. All nine taps are read in
    one native call, so there is no loop over pixels or taps; memory is nine times the input.

    Args:
        x: [B, C, H, W].
        offset: [B, 18, H, W], pixels: (dy, dx) of the taps row by row.
        weight: [D, C, 3, 3].

    Returns:
        [B, D, H, W], differentiable with respect to all three arguments.

    Raises:
        ValueError: if the shapes do not belong together.
    """
    batch, channels, height, width = x.shape
    if offset.shape != (batch, 18, height, width):
        raise ValueError(
            f'offset has shape {tuple(offset.shape)}; expected {[batch, 18, height, width]} '
            'for 9 taps on this input'
        )
    if weight.shape[1:] != (channels, 3, 3):
        raise ValueError(f'weight has shape {tuple(weight.shape)}; expected [D, {channels}, 3, 3]')
    # Sampling positions need more than 8 bits of mantissa.
    precision = torch.promote_types(x.dtype, torch.float32)
    moves = offset.reshape(batch, 9, 2, height, width).to(precision)
    y = torch.arange(height, dtype=precision, device=x.device).view(1, 1, height, 1)
    x_position = torch.arange(width, dtype=precision, device=x.device).view(1, 1, 1, width)
    tap = torch.arange(-1, 2, dtype=precision, device=x.device)
    tap_y = tap.repeat_interleave(3).view(1, 9, 1, 1)
    tap_x = tap.repeat(3).view(1, 9, 1, 1)
    # With align_corners=False, pixel p of n lies at (2 p + 1) / n - 1.
    grid = torch.stack(
        [
            (2 * (x_position + tap_x + moves[:, :, 1]) + 1) / width - 1,
            (2 * (y + tap_y + moves[:, :, 0]) + 1) / height - 1,
        ],
        dim=-1,
    ).view(batch, 9 * height, width, 2)
    # On a GPU threads beside each other read pixels beside each other, one channel after another.
    layout = torch.contiguous_format if x.is_cuda else torch.preserve_format
    columns = functional.grid_sample(
        x.to(precision, memory_format=layout), grid, padding_mode='zeros', align_corners=False
    )
    columns = columns.to(x.dtype).view(batch, channels * 9, height * width)
    return torch.matmul(weight.flatten(1), columns).view(batch, -1, height, width)


class DeformableConv(nn.Module):
    """Deformable 3x3 convolution that predicts its own offsets: [B, C, H, W] -> [B, C, H, W].

    Version 1: no modulation mask; one group. ``stage`` names it in recordings.
    """

    def __init__(self, channels: int, stage: str) -> None:
        """Build the convolution; its offsets start at zero."""
        super().__init__()
        self.stage = stage
        self.weight = nn.Parameter(torch.empty(channels, channels, 3, 3))
        self.offset = nn.Conv2d(channels, 18, 3, 1, 1)
        nn.init.kaiming_uniform_(self.weight, nonlinearity='relu')
        nn.init.zeros_(self.offset.weight)
        nn.init.zeros_(self.offset.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve at predicted positions."""
        offset = record(f'{self.stage}_offset', self.offset(x))
        return record(f'{self.stage}_conv', deformable_conv2d(x, offset, self.weight))
