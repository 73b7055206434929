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

"""Anchor assignment and regression targets (EMIFF detector, MMDetection3D's anchor head).

Anchors and boxes are compared as *nearest* axis-aligned rectangles in bird's-eye view: a box
whose yaw is closer to the y axis than to the x axis has length and width exchanged, the
remaining yaw is dropped.
"""

from dataclasses import dataclass
import math

from pydantic import BaseModel, ConfigDict, Field, model_validator
import torch
from torch import Tensor

from emiff_ros.model import box_coder


class AssignerConfig(BaseModel):
    """Thresholds of the anchor assignment (IoU of nearest bird's-eye rectangles).

    Attributes:
        positive_iou: anchors at or above it become positive.
        negative_iou: anchors below it become negative; those between are left out of the loss.
        minimum_positive_iou: a box whose best anchor reaches this gets that anchor in any case.
        ignore_iou: negative anchors that overlap an ignored box at least this much are left out.
        direction_offset: start of the first of the two direction bins, radians.
    """

    model_config = ConfigDict(frozen=True, extra='forbid')

    positive_iou: float = Field(0.6, gt=0.0, le=1.0)
    negative_iou: float = Field(0.45, gt=0.0, le=1.0)
    minimum_positive_iou: float = Field(0.45, gt=0.0, le=1.0)
    ignore_iou: float = Field(0.1, gt=0.0, le=1.0)
    direction_offset: float = -math.pi / 2

    @model_validator(mode='after')
    def _ordered(self) -> 'AssignerConfig':
        if self.negative_iou > self.positive_iou:
            raise ValueError(
                f'negative_iou {self.negative_iou} is above positive_iou {self.positive_iou}; '
                'an anchor cannot be positive and negative at once'
            )
        return self


@dataclass(frozen=True)
class AnchorTargets:
    """What the head should say for a batch of B samples with A anchors each.

    Attributes:
        positive: bool ``[B, A]``.
        weight: float ``[B, A]``, 1 where the classification loss counts, 0 where it is left out.
        positive_index: int64 ``[P, 2]``, (sample, anchor) of each positive, in that order.
        anchors: float ``[P, 7]``, the positives' anchors.
        deltas: float ``[P, 7]``, box regression targets of the positives.
        direction: int64 ``[P]``, direction bin (0 or 1) of the positives.
        normaliser: sum over samples of max(number of positives, 1).
    """

    positive: Tensor
    weight: Tensor
    positive_index: Tensor
    anchors: Tensor
    deltas: Tensor
    direction: Tensor
    normaliser: float


def nearest_bev(boxes: Tensor) -> Tensor:
    """Return the nearest rectangles ``[N, 4]`` (x1, y1, x2, y2) of boxes ``[N, 7]``."""
    yaw = boxes[:, 6]
    folded = (yaw - torch.floor(yaw / math.pi + 0.5) * math.pi).abs()
    turned = (folded > math.pi / 4)[:, None]
    size = torch.where(turned, boxes[:, [4, 3]], boxes[:, [3, 4]])
    return torch.cat([boxes[:, :2] - size / 2, boxes[:, :2] + size / 2], dim=1)


def rectangle_iou(first: Tensor, second: Tensor) -> Tensor:
    """Return the IoU ``[N, M]`` of axis-aligned rectangles ``[N, 4]`` and ``[M, 4]``."""
    # Axis by axis: an innermost dimension of two is slow.
    width, height = (
        (
            torch.minimum(first[:, None, axis + 2], second[None, :, axis + 2])
            - torch.maximum(first[:, None, axis], second[None, :, axis])
        ).clamp_(min=0)
        for axis in (0, 1)
    )
    overlap = width * height
    first_area = (first[:, 2] - first[:, 0]) * (first[:, 3] - first[:, 1])
    second_area = (second[:, 2] - second[:, 0]) * (second[:, 3] - second[:, 1])
    union = first_area[:, None] + second_area[None, :] - overlap
    return overlap / union.clamp_(min=1e-6)


class AnchorAssigner:
    """Assigns anchors to ground truth; keeps the anchors' rectangles between calls.

    Args:
        anchors: ``[A, 7]`` in the order of the flattened head maps.
        config: thresholds; the defaults are the paper's.

    Raises:
        ValueError: if ``anchors`` is not ``[A, 7]``.
    """

    def __init__(self, anchors: Tensor, config: AssignerConfig | None = None) -> None:
        """See the class."""
        _check_boxes(anchors, 'anchors')
        self.anchors = anchors
        self.config = config or AssignerConfig()
        self._rectangles = nearest_bev(anchors)

    def to(self, device: torch.device) -> 'AnchorAssigner':
        """Return the assigner with its anchors on ``device``."""
        if self.anchors.device == device:
            return self
        return AnchorAssigner(self.anchors.to(device), self.config)

    def assign(self, boxes: Tensor, ignored: Tensor | None = None) -> Tensor:
        """Match one sample's ground truth ``[G, 7]`` with the anchors.

        An anchor belongs to the box with its highest IoU if that is at least ``positive_iou``.
        Then each box takes all anchors that reach exactly its own best IoU, if that is good
        enough; of two boxes that want one anchor the later one gets it.

        Args:
            boxes: ground truth in the vehicle frame, length first.
            ignored: bool ``[G]``; these boxes make no positives, and anchors near them no
                negatives.

        Returns:
            ``assigned`` int64 ``[A]``: index into ``boxes``, -1 negative, -2 left out of the loss.
        """
        _check_boxes(boxes, 'boxes')
        count = len(self.anchors)
        assigned = torch.full((count,), -1, dtype=torch.int64, device=self.anchors.device)
        if not len(boxes):
            return assigned
        config = self.config
        iou = rectangle_iou(nearest_bev(boxes), self._rectangles)
        if ignored is None:
            ignored = torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
        kept = torch.nonzero(~ignored).flatten()
        if len(ignored) > len(kept):
            assigned[iou[ignored].amax(dim=0) >= config.ignore_iou] = -2
        if not len(kept):
            return assigned
        iou = iou[kept]
        best, owner = iou.max(dim=0)
        assigned[best >= config.negative_iou] = -2
        positive = best >= config.positive_iou
        assigned[positive] = kept[owner[positive]]
        reached = iou.amax(dim=1)
        sure = reached >= config.minimum_positive_iou
        box, anchor = torch.nonzero((iou == reached[:, None]) & sure[:, None], as_tuple=True)
        # scatter_reduce keeps the largest index, which is the later box.
        later = torch.full_like(assigned, -1)
        later.scatter_reduce_(0, anchor, kept[box], reduce='amax')
        return torch.where(later >= 0, later, assigned)

    def targets(self, boxes: list[Tensor], ignored: list[Tensor] | None = None) -> AnchorTargets:
        """Build the targets of a batch from one ``[G, 7]`` tensor of ground truth per sample."""
        assignments, anchors, deltas, directions = [], [], [], []
        for sample, sample_boxes in enumerate(boxes):
            assigned = self.assign(sample_boxes, ignored[sample] if ignored else None)
            index = torch.nonzero(assigned >= 0).flatten()
            matched = sample_boxes[assigned[index]]
            assignments.append(assigned)
            anchors.append(self.anchors[index])
            deltas.append(box_coder.encode(self.anchors[index], matched))
            directions.append(direction_bin(matched[:, 6], self.config.direction_offset))
        assigned = torch.stack(assignments)
        positive = assigned >= 0
        return AnchorTargets(
            positive=positive,
            weight=(assigned != -2).to(self.anchors.dtype),
            positive_index=torch.nonzero(positive),
            anchors=torch.cat(anchors),
            deltas=torch.cat(deltas),
            direction=torch.cat(directions),
            normaliser=float(positive.sum(dim=1).clamp(min=1).sum()),
        )


def direction_bin(yaw: Tensor, offset: float = -math.pi / 2) -> Tensor:
    """Return the half turn that a yaw (radians) lies in: 0 from ``offset`` on, else 1."""
    turned = torch.remainder(yaw - offset, 2 * math.pi)
    return torch.floor(turned / math.pi).clamp(0, 1).long()


def _check_boxes(boxes: Tensor, name: str) -> None:
    if boxes.ndim != 2 or boxes.shape[1] != 7:
        raise ValueError(
            f'{name} have shape {tuple(boxes.shape)}; expected [N, 7] '
            '(x, y, z_bottom, length, width, height, yaw)'
        )
