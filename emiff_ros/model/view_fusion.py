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

"""Point-sampling voxel fusion, PSVF, second half: many volumes into one.

EMIFF (arXiv 2402.15272), "Point-Sampling Voxel Fusion".
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from emiff_ros.model.config import EmiffConfig


class ViewFusion(nn.Module):
    """Volumes [B, C, nx, ny, nz] of all views that are there -> one volume [B, C, nx, ny, nz].

    * ``mean`` over the views, whether they see a voxel or not: the paper's fusion.
    * ``visibility_weighted``: mean over the views that see a voxel; zero where none does.
    * ``concatenate``: the vehicle's volume and the mean of the roadside volumes (zero for an
      absent side), reduced to C channels by a 1x1x1 convolution.
    """

    def __init__(self, config: EmiffConfig) -> None:
        """Build the fusion of ``config.view_fusion``."""
        super().__init__()
        self.kind = config.view_fusion
        channels = config.fpn_channels
        self.reduce = nn.Conv3d(2 * channels, channels, 1) if self.kind == 'concatenate' else None

    def forward(
        self, vehicle: Tensor | None, infrastructure: Sequence[Tensor], visible: Sequence[Tensor]
    ) -> Tensor:
        """Fuse the volumes.

        Args:
            vehicle: [B, C, nx, ny, nz] or None.
            infrastructure: roadside volumes of the same shape.
            visible: [B, 1, nx, ny, nz] for each volume, the vehicle's first.
        """
        volumes = [*([] if vehicle is None else [vehicle]), *infrastructure]
        if self.kind == 'mean':
            return _mean(volumes)
        if self.kind == 'visibility_weighted':
            weighted = [volume * seen for volume, seen in zip(volumes, visible, strict=True)]
            count = torch.stack(list(visible)).sum(0).clamp(min=1)
            return _sum(weighted) / count
        absent = torch.zeros_like(volumes[0])
        sides = [
            absent if vehicle is None else vehicle,
            _mean(infrastructure) if infrastructure else absent,
        ]
        return self.reduce(torch.cat(sides, dim=1))


def _sum(volumes: Sequence[Tensor]) -> Tensor:
    total = volumes[0]
    for volume in volumes[1:]:
        total = total + volume
    return total


def _mean(volumes: Sequence[Tensor]) -> Tensor:
    return _sum(volumes) / len(volumes)
