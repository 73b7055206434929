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

"""An extra loss in the images: where are the centres of the visible objects?

A network that starts from random weights sees its errors in bird's-eye view only through many
layers. A 1x1 convolution on the finest pyramid level of each side, used in training only, tells
the backbones directly which pixels are objects (maps and loss of CenterNet, arXiv 1904.07850).
No part of EMIFF.
"""

from collections.abc import Sequence
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from emiff_ros.model.config import FEATURE_STRIDE

_PRIOR = 0.01
_SMALLEST_SIGMA = 0.7
_LARGEST_SIGMA = 5.0


def centre_heatmap(centres: Tensor, height: int, width: int) -> Tensor:
    """Draw a Gaussian per object, 1 at the cell of its centre.

    Args:
        centres: ``[M, 3]`` (u, v, apparent size), pixels of the image.
        height: of the map, cells of 4 pixels.
        width: of the map, cells.

    Returns:
        ``[height, width]``, the maximum over the objects.
    """
    if not len(centres):
        return centres.new_zeros(height, width)
    cells = centres / FEATURE_STRIDE
    columns = cells[:, 0].floor().clamp(0, width - 1)
    rows = cells[:, 1].floor().clamp(0, height - 1)
    sigma = (cells[:, 2] / 4).clamp(_SMALLEST_SIGMA, _LARGEST_SIGMA)
    x = torch.arange(width, device=centres.device) - columns[:, None]
    y = torch.arange(height, device=centres.device) - rows[:, None]
    spread = 2 * sigma[:, None] ** 2
    along_x, along_y = torch.exp(-(x**2) / spread), torch.exp(-(y**2) / spread)
    return (along_y[:, :, None] * along_x[:, None, :]).amax(dim=0)


def heatmap_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Return CenterNet's penalty-reduced focal loss (equation 1), a sum over the objects' number.

    Args:
        logits: ``[B, h, w]``.
        target: ``[B, h, w]``, 0 to 1; 1 marks a centre.
    """
    centre = target == 1
    probability = torch.sigmoid(logits)
    positive = functional.softplus(-logits) * (1 - probability) ** 2
    negative = functional.softplus(logits) * probability**2 * (1 - target) ** 4
    return torch.where(centre, positive, negative).sum() / centre.sum().clamp(min=1)


class ImageSupervision(nn.Module):
    """Centre heat maps from the finest pyramid level of both sides.

    Args:
        channels: of the pyramid.
    """

    def __init__(self, channels: int) -> None:
        """See the class."""
        super().__init__()
        self.vehicle = nn.Conv2d(channels, 1, 1)
        self.infrastructure = nn.Conv2d(channels, 1, 1)
        for head in (self.vehicle, self.infrastructure):
            nn.init.constant_(head.bias, -math.log((1 - _PRIOR) / _PRIOR))

    def forward(self, level: Tensor, centres: Sequence[Tensor], side: str) -> Tensor:
        """Return the loss of one side.

        Args:
            level: finest pyramid level ``[B, C, h, w]``.
            centres: ``[M, 3]`` of each sample, see :func:`centre_heatmap`.
            side: ``vehicle`` or ``infrastructure``.
        """
        logits = getattr(self, side)(level).float().squeeze(1)
        height, width = logits.shape[-2:]
        target = torch.stack([centre_heatmap(sample, height, width) for sample in centres])
        return heatmap_loss(logits, target)
