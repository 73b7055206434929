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

"""Anchor boxes of the detection head."""

import torch
from torch import Tensor

from emiff_ros.model.config import EmiffConfig


def cell_centres(low: float, high: float, count: int) -> Tensor:
    """Return the ``count`` centres [count] of equal cells over [low, high], in float32.

    Edges are a float32 ``linspace`` and half of the first cell is added to each, the operation
    order of the original: sampling is discontinuous, so the last bit can matter.
    """
    edges = torch.linspace(low, high, count + 1, dtype=torch.float32)
    return edges[:-1] + (edges[1] - edges[0]) / 2


def make_anchors(config: EmiffConfig, device: torch.device | str = 'cpu') -> Tensor:
    """Return the anchors [ny * nx * anchors per cell, 7] of a network.

    Rows are (x, y, z_bottom, size x, size y, height, yaw). The index runs over y slowest, then x,
    then size, then yaw, as the head maps do when flattened as (H, W, anchor).
    """
    columns, rows, _ = config.voxels.counts
    anchors = config.anchors
    row, column, size, yaw = torch.meshgrid(
        torch.arange(rows),
        torch.arange(columns),
        torch.arange(len(anchors.sizes)),
        torch.arange(len(anchors.yaws)),
        indexing='ij',
    )
    x = cell_centres(*anchors.x_range, columns)[column]
    y = cell_centres(*anchors.y_range, rows)[row]
    z = torch.full_like(x, anchors.z_bottom)
    sizes = torch.tensor(anchors.sizes, dtype=torch.float32)[size]
    yaws = torch.tensor(anchors.yaws, dtype=torch.float32)[yaw]
    stacked = torch.cat([torch.stack([x, y, z], -1), sizes, yaws.unsqueeze(-1)], dim=-1)
    return stacked.reshape(-1, 7).to(device)
