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

"""Anchor head: class scores, box offsets and direction bins at each bird's-eye cell.

EMIFF (arXiv 2402.15272) takes the detection head of PointPillars (arXiv 1812.05784) as it is.
"""

from typing import NamedTuple

from torch import Tensor, nn

from emiff_ros.model.config import EmiffConfig
from emiff_ros.model.recorder import record


class HeadMaps(NamedTuple):
    """Raw outputs; A anchors per cell, channel = anchor * values + value.

    Attributes:
        cls_score: [B, A, ny, nx], logits.
        bbox_pred: [B, A * 7, ny, nx], offsets as of :mod:`emiff_ros.model.box_coder`.
        dir_cls: [B, A * 2, ny, nx], logits of the two direction bins.
    """

    cls_score: Tensor
    bbox_pred: Tensor
    dir_cls: Tensor


class AnchorHead(nn.Module):
    """Bird's-eye map [B, C, ny, nx] -> :class:`HeadMaps` by three 1x1 convolutions."""

    def __init__(self, config: EmiffConfig) -> None:
        """Build the three branches."""
        super().__init__()
        channels, per_cell = config.neck.out_channels, config.anchors.per_cell
        self.classify = nn.Conv2d(channels, per_cell, 1)
        self.regress = nn.Conv2d(channels, per_cell * 7, 1)
        self.direction = nn.Conv2d(channels, per_cell * 2, 1)

    def forward(self, bev: Tensor) -> HeadMaps:
        """Predict the three maps."""
        return HeadMaps(
            record('cls_score', self.classify(bev)),
            record('bbox_pred', self.regress(bev)),
            record('dir_cls', self.direction(bev)),
        )
