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

"""Losses of the anchor head: focal classification, smooth L1 boxes, direction cross-entropy.

``EMIFF (arXiv 2402.15272)`` trains MMDetection3D's Anchor3DHead: every term is a sum over anchors
divided by the number of positives of the batch (at least one per sample).

Not in the paper: scores may learn how well their boxes fit (``score_target: overlap``, the quality
focal loss of arXiv 2006.04388), so that the best placed of several boxes comes first.
"""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
import torch
from torch import Tensor
from torch.nn import functional

from emiff_ros.model import box_coder
from emiff_ros.training.targets import AnchorTargets


class LossConfig(BaseModel):
    """Weights and shape parameters of the loss terms; the defaults are the paper's.

    ``image_weight`` is that of the extra loss in the images
    (:mod:`emiff_ros.training.image_supervision`), which the paper does not have. ``score_target``
    is what the score of a positive anchor learns: ``one`` (the paper), or its box's ``overlap``
    with the ground truth (``focal_alpha`` is not used then).
    """

    model_config = ConfigDict(frozen=True, extra='forbid')

    classification_weight: float = Field(1.0, ge=0.0)
    box_weight: float = Field(2.0, ge=0.0)
    direction_weight: float = Field(0.2, ge=0.0)
    focal_alpha: float = Field(0.25, gt=0.0, lt=1.0)
    focal_gamma: float = Field(2.0, ge=0.0)
    score_target: Literal['one', 'overlap'] = 'one'
    image_weight: float = Field(0.0, ge=0.0)
    smooth_l1_beta: float = Field(1.0 / 9.0, gt=0.0)


@dataclass(frozen=True)
class DetectionLoss:
    """The three weighted terms (scalars); ``total`` is what is minimised."""

    classification: Tensor
    box: Tensor
    direction: Tensor

    @property
    def total(self) -> Tensor:
        """Return the sum of the three terms."""
        return self.classification + self.box + self.direction


def sigmoid_focal_loss(logits: Tensor, positive: Tensor, alpha: float, gamma: float) -> Tensor:
    """Return the focal loss of each logit against a bool target of the same shape.

    Focal Loss for Dense Object Detection (arXiv 1708.02002), equation 5.
    """
    # With s = +-logit, the probability of the true class is sigmoid(s).
    signed = torch.where(positive, logits, -logits)
    balance = torch.where(positive, alpha, 1.0 - alpha)
    return balance * torch.sigmoid(-signed).pow(gamma) * functional.softplus(-signed)


def quality_focal_loss(logits: Tensor, quality: Tensor, gamma: float) -> Tensor:
    """Return the focal loss of each logit against a quality from 0 to 1 of the same shape.

    Generalized Focal Loss (arXiv 2006.04388), equation 3.
    """
    entropy = functional.binary_cross_entropy_with_logits(logits, quality, reduction='none')
    return (quality - torch.sigmoid(logits)).abs().pow(gamma) * entropy


def overlap(first: Tensor, second: Tensor) -> Tensor:
    """Return how well boxes ``[P, 7]`` cover each other from above, pair by pair, 0 to 1.

    It is their IoU as if the first had the second's heading, times the cosine of the angle between
    them: equal to the IoU where the headings agree, and quick enough for every training step.
    """
    cosine, sine = second[:, 6].cos(), second[:, 6].sin()
    x, y = (first[:, :2] - second[:, :2]).unbind(1)
    offsets = torch.stack([x * cosine + y * sine, y * cosine - x * sine], dim=1)
    half_first, half_second = first[:, 3:5] / 2, second[:, 3:5] / 2
    shared = torch.minimum(offsets + half_first, half_second)
    shared = (shared - torch.maximum(offsets - half_first, -half_second)).clamp(min=0).prod(1)
    union = first[:, 3:5].prod(1) + second[:, 3:5].prod(1) - shared
    return shared / union * (first[:, 6] - second[:, 6]).cos().abs()


def sine_difference(predicted: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Replace the yaw of deltas ``[P, 7]`` so that their difference is sin(predicted - target)."""
    first, second = predicted[:, 6:], target[:, 6:]
    return (
        torch.cat([predicted[:, :6], first.sin() * second.cos()], dim=1),
        torch.cat([target[:, :6], first.cos() * second.sin()], dim=1),
    )


def detection_loss(
    cls_score: Tensor,
    bbox_pred: Tensor,
    dir_cls: Tensor,
    targets: AnchorTargets,
    config: LossConfig | None = None,
) -> DetectionLoss:
    """Return the losses of the raw head maps.

    Args:
        cls_score: ``[B, anchors, ny, nx]`` logits.
        bbox_pred: ``[B, anchors * 7, ny, nx]``.
        dir_cls: ``[B, anchors * 2, ny, nx]``.
        targets: of the same batch, anchors in the order (y, x, anchor).
        config: weights; the defaults are the paper's.

    Raises:
        ValueError: if the maps do not hold one prediction per anchor of the targets.
    """
    config = config or LossConfig()
    batch = len(cls_score)
    logits = cls_score.permute(0, 2, 3, 1).reshape(batch, -1)
    if logits.shape != targets.positive.shape:
        raise ValueError(
            f'the head has {tuple(logits.shape)} (samples, anchors) and the targets '
            f'{tuple(targets.positive.shape)}; anchors and head maps must come from one config'
        )
    sample, anchor = targets.positive_index.unbind(1)
    deltas = bbox_pred.permute(0, 2, 3, 1).reshape(batch, -1, 7)[sample, anchor]
    direction = dir_cls.permute(0, 2, 3, 1).reshape(batch, -1, 2)[sample, anchor]
    scale = 1.0 / (targets.normaliser + torch.finfo(torch.float32).eps)

    if config.score_target == 'overlap':
        focal = quality_focal_loss(logits, _quality(deltas, targets), config.focal_gamma)
    else:
        focal = sigmoid_focal_loss(
            logits, targets.positive, config.focal_alpha, config.focal_gamma
        )
    box = functional.smooth_l1_loss(
        *sine_difference(deltas, targets.deltas), reduction='sum', beta=config.smooth_l1_beta
    )
    heading = functional.cross_entropy(direction, targets.direction, reduction='sum')
    return DetectionLoss(
        classification=config.classification_weight * scale * (focal * targets.weight).sum(),
        box=config.box_weight * scale * box,
        direction=config.direction_weight * scale * heading,
    )


def _quality(deltas: Tensor, targets: AnchorTargets) -> Tensor:
    """Return the overlap of each positive's predicted box with its ground truth, 0 elsewhere."""
    quality = torch.zeros_like(targets.weight)
    predicted = box_coder.decode(targets.anchors, deltas.detach())
    sample, anchor = targets.positive_index.unbind(1)
    quality[sample, anchor] = overlap(predicted, box_coder.decode(targets.anchors, targets.deltas))
    return quality
