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

"""Voxel sampling as rows read from a table, at positions that depend on the camera alone.

Same arithmetic as :mod:`emiff_ros.model.voxels`, split in two: where each voxel lies in a feature
map (once for each camera) and what stands there (for each image).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from emiff_ros.model.config import FEATURE_STRIDE, EmiffConfig
from emiff_ros.model.voxels import OUTSIDE, voxel_centres


class VoxelReads(NamedTuple):
    """What the N voxels of a grid read from one feature map, in the reader's order.

    Attributes:
        index: [N, T] int32, row of the flattened map for each of T taps; the row behind the last
            one is zero.
        weight: [N, T] float32, of each tap; empty for a single tap.
        visible: [N], 1 where the camera sees the voxel.
    """

    index: Tensor
    weight: Tensor
    visible: Tensor


class VoxelReader:
    """Positions and samples of one network's voxel grid.

    The order of the voxels is what the neck reads without a copy: z slowest, then y, x fastest;
    for a folded neck y slowest, then x, z fastest.
    """

    def __init__(self, config: EmiffConfig, device: torch.device) -> None:
        """Make the voxel centres on ``device``."""
        self.config = config
        self._axes = (1, 0, 2) if config.neck.kind == 'folded' else (2, 1, 0)
        centres = voxel_centres(config).permute(*self._axes, 3).reshape(-1, 3)
        ones = torch.ones(len(centres), 1)
        # One run of numbers for each coordinate: in rows of three nothing is vectorised.
        self._points = torch.cat([centres, ones], dim=1).T.contiguous().to(device)

    def locate(self, camera: Tensor) -> VoxelReads:
        """Project the voxels into a camera.

        Args:
            camera: [14], its 3x4 projection row by row, image height and width.
        """
        u, v, depth = torch.matmul(camera[:12].view(3, 4), self._points).unbind()
        u, v = u / depth, v / depth
        height, width = camera[12:].unbind()
        seen = (depth > 0) & (u >= 0) & (u < width) & (v >= 0) & (v < height)
        behind = depth <= 0 if self.config.mask_behind_camera else None
        column, row = (
            _cells(pixel, count, behind, self.config.exact_positions)
            for pixel, count in zip((u, v), self.config.feature_size[::-1], strict=True)
        )
        return VoxelReads(*self._taps(column, row), seen.float())

    def sample(self, features: Sequence[Tensor], reads: Sequence[VoxelReads]) -> Tensor:
        """Read V maps [1, C, h, w] and average them as the network does: [1, C, nx, ny, nz].

        In memory the channels of a voxel lie together, and voxels in the reader's order.
        """
        averaged = self.config.view_fusion != 'visibility_weighted'
        if averaged and self.config.sampling == 'nearest':
            values = _mean_of_rows(features, reads)
        else:
            values = _weighted_sum(features, reads, averaged)
        counts = [self.config.voxels.counts[axis] for axis in self._axes]
        places = [self._axes.index(axis) for axis in range(3)]
        return values.view(*counts, -1).permute(3, *places).unsqueeze(0)

    def _taps(self, column: Tensor, row: Tensor) -> tuple[Tensor, Tensor]:
        """Return index and weight of :class:`VoxelReads` for positions [N] in cells."""
        if self.config.sampling == 'nearest':
            index = self._row_index(column.round(), row.round())
            return index.unsqueeze(1), column.new_empty(len(column), 0)
        left, top = column.floor(), row.floor()
        right, down = column - left, row - top
        index, weight = [], []
        for step_x, share_x in ((0, 1 - right), (1, right)):
            for step_y, share_y in ((0, 1 - down), (1, down)):
                index.append(self._row_index(left + step_x, top + step_y))
                weight.append(share_x * share_y)
        return torch.stack(index, dim=1), torch.stack(weight, dim=1)

    def _row_index(self, column: Tensor, row: Tensor) -> Tensor:
        """Return the row [N] of each cell; the row behind the last one if it is outside."""
        height, width = self.config.feature_size
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
        return (row * width + column).where(inside, height * width).int()


def _cells(pixel: Tensor, count: int, behind: Tensor | None, exact: bool) -> Tensor:
    """Return positions [N] along an axis of ``count`` cells, as ``grid_sample`` computes them."""
    last = count - 1
    grid = (pixel - 0.5) / FEATURE_STRIDE / last if exact else pixel / (count * FEATURE_STRIDE)
    grid = grid * 2 - 1
    if behind is not None:
        grid = grid.masked_fill(behind, OUTSIDE)
    grid = grid.nan_to_num(OUTSIDE).clamp(OUTSIDE, -OUTSIDE)
    return (grid + 1) / 2 * last


def _rows(feature: Tensor, factor: float) -> Tensor:
    """Return the pixels of a map [1, C, h, w] as rows [h * w + 1, C], the last one zero."""
    rows = feature.permute(0, 2, 3, 1).reshape(-1, feature.shape[1])
    rows = rows if factor == 1 else rows * factor
    return torch.cat([rows, torch.zeros_like(rows[:1])])


def _mean_of_rows(features: Sequence[Tensor], reads: Sequence[VoxelReads]) -> Tensor:
    """Return the means [N, C] of what the voxels read with their single taps.

    All maps are one table, so that each voxel is written once.
    """
    table = torch.cat([_rows(feature, 1 / len(reads)) for feature in features])
    rows = len(table) // len(reads)
    index = torch.cat([view.index + place * rows for place, view in enumerate(reads)], dim=1)
    return functional.embedding_bag(index, table, mode='sum')


def _weighted_sum(
    features: Sequence[Tensor], reads: Sequence[VoxelReads], averaged: bool
) -> Tensor:
    """Return the means [N, C] of what the voxels read, of all views or of those that see them."""
    shares: Sequence[Tensor | None] = [None] * len(reads)
    if not averaged:
        visible = torch.stack([view.visible for view in reads])
        shares = (visible / visible.sum(0).clamp(min=1)).unbind()
    total = None
    for feature, view, share in zip(features, reads, shares, strict=True):
        rows = _rows(feature, 1 / len(reads) if averaged else 1.0)
        part = _weighted_rows(rows, view, share)
        total = part if total is None else total.add_(part)
    return total


def _weighted_rows(rows: Tensor, reads: VoxelReads, share: Tensor | None) -> Tensor:
    """Return what the voxels read [N, C], times their share [N] of all views if there is one."""
    factors = None if share is None else share.unsqueeze(1)
    if reads.weight.shape[1] == 0:
        return (rows.index_select(0, reads.index[:, 0]) * factors).to(rows.dtype)
    weight = reads.weight if factors is None else reads.weight * factors
    values = functional.embedding_bag(
        reads.index, rows.float(), mode='sum', per_sample_weights=weight
    )
    return values.to(rows.dtype)
