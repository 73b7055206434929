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

"""Multi-scale cross attention, MCA: features that agree in scale and place.

EMIFF (arXiv 2402.15272), "Multi-scale Cross Attention".

Deformable convolutions at four scales absorb misalignment from pose errors and time offset; the
vehicle's feature decides how much each scale of a roadside feature counts.
"""

from collections.abc import Sequence
import math
from typing import Literal

import torch
from torch import Tensor, nn

from emiff_ros.model.deformable import DeformableConv
from emiff_ros.model.layers import DoubleConv
from emiff_ros.model.recorder import record

SCALES = 4


class MultiScaleBlock(nn.Module):
    """Roadside feature [B, C, h, w] -> four scales of it, [B, C, h, w] to [B, C, h/8, w/8]."""

    def __init__(self, channels: int) -> None:
        """Build four double convolutions of ``channels`` = C."""
        super().__init__()
        self.scales = nn.ModuleList(
            DoubleConv(channels, stride=1 if scale == 0 else 2) for scale in range(SCALES)
        )

    def forward(self, feature: Tensor) -> list[Tensor]:
        """Return the four scales, finest first."""
        outputs = []
        for index, convolve in enumerate(self.scales):
            feature = convolve(feature)
            outputs.append(record(f'ms_block{index}', feature))
        return outputs


class ScaleAlignment(nn.Module):
    """One scale: deformable convolution, norm, ReLU, then doublings up to the finest scale.

    [B, C, h/2^scale, w/2^scale] -> [B, C, h, w]. Each doubling is bilinear with
    ``align_corners=True``, followed by a double convolution; scale 0 has no doubling.
    """

    def __init__(self, channels: int, scale: int, side: str) -> None:
        """Build the branch of one ``scale``, 0 to 3."""
        super().__init__()
        self.stage = f'dcn_{side}{scale}'
        self.deformable = DeformableConv(channels, self.stage)
        self.norm = nn.BatchNorm2d(channels)
        self.upscale = nn.Sequential()
        for _ in range(scale):
            self.upscale.append(nn.Upsample(scale_factor=2, mode='bilinear', align_corners=True))
            self.upscale.append(DoubleConv(channels))
        if scale == 0:
            self.upscale.append(DoubleConv(channels))

    def forward(self, feature: Tensor) -> Tensor:
        """Align one scale and bring it to the finest size."""
        return self.finish(self.deformable(feature))

    def finish(self, convolved: Tensor) -> Tensor:
        """Do what follows the deformable convolution."""
        aligned = record(self.stage, torch.relu(self.norm(convolved)))
        return self.upscale(aligned)


class MultiScaleAlignment(nn.Module):
    """Four scales -> four maps [B, C, h, w] of the finest scale's size.

    ``side`` (``v`` vehicle, ``i`` infrastructure) names the stages in recordings.
    """

    def __init__(self, channels: int, side: Literal['v', 'i']) -> None:
        """Build one branch for each scale."""
        super().__init__()
        self.side = side
        self.scales = nn.ModuleList(
            ScaleAlignment(channels, scale, side) for scale in range(SCALES)
        )

    def forward(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Align four scales, finest first."""
        return [
            record(f'dcn_up_{self.side}{index}', align(level))
            for index, (align, level) in enumerate(zip(self.scales, levels, strict=True))
        ]


def mean_of_scales(scales: Sequence[Tensor]) -> Tensor:
    """Four maps of one size -> their plain mean."""
    return sum(scales) / SCALES


class MultiScaleCrossAttention(nn.Module):
    """Pyramid of the vehicle and decoded roadside features -> one map [B, C, h, w] for each view.

    The vehicle's map is the plain mean of its aligned scales. Its spatial mean is the query, the
    spatial means of a roadside view's aligned scales are the keys; softmax(q k / sqrt(C)) weighs
    that view's scales. There are no learned projections. Each roadside view has its own attention;
    without a vehicle (infrastructure only) its scales are averaged.
    """

    def __init__(self, channels: int, has_vehicle: bool, has_infrastructure: bool) -> None:
        """Build the branches of the sides that the network has."""
        super().__init__()
        self.vehicle_alignment = MultiScaleAlignment(channels, 'v') if has_vehicle else None
        self.multi_scale_block = MultiScaleBlock(channels) if has_infrastructure else None
        self.infrastructure_alignment = (
            MultiScaleAlignment(channels, 'i') if has_infrastructure else None
        )

    def align_vehicle(self, levels: Sequence[Tensor]) -> Tensor:
        """Vehicle pyramid levels, finest first -> [B, C, h, w]."""
        return record('mca_x_v', mean_of_scales(self.vehicle_alignment(levels)))

    def align_infrastructure(self, feature: Tensor, vehicle: Tensor | None) -> Tensor:
        """Decoded roadside feature and the vehicle's aligned map -> [B, C, h, w], as both are."""
        return self.weigh_scales(self.align_scales(feature), vehicle)

    def align_scales(self, feature: Tensor) -> list[Tensor]:
        """Decoded roadside feature -> its four aligned scales; needs no vehicle."""
        return self.infrastructure_alignment(self.multi_scale_block(feature))

    def weigh_scales(self, scales: Sequence[Tensor], vehicle: Tensor | None) -> Tensor:
        """Aligned scales of a roadside view and the vehicle's aligned map -> [B, C, h, w]."""
        if vehicle is None:
            return record('mca_x_i', mean_of_scales(scales))
        query = record('mca_query', vehicle.mean(dim=(2, 3)).unsqueeze(1))
        key = record('mca_key', torch.stack([scale.mean(dim=(2, 3)) for scale in scales], dim=1))
        scores = torch.matmul(query, key.transpose(1, 2)) / math.sqrt(query.shape[-1])
        weights = record('mca_weights', scores.softmax(dim=-1))
        shares = weights.view(-1, SCALES, 1, 1, 1).unbind(1)
        weighted = [share * scale for share, scale in zip(shares, scales, strict=True)]
        return record('mca_x_i', sum(weighted))
