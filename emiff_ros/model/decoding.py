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

"""From head maps to detections: best anchors, box decoding, NMS, direction, convention."""

import math

import torch
from torch import Tensor

from emiff_ros.model import box_coder
from emiff_ros.model.boxes import Boxes, length_first_from_width_first
from emiff_ros.model.config import EmiffConfig
from emiff_ros.model.full_precision import without_autocast
from emiff_ros.model.head import HeadMaps
from emiff_ros.model.nms import rotated_iou_bev, suppress
from emiff_ros.model.recorder import record
from emiff_ros.model.voting import BIRDS_EYE, vote


def decode_head_maps(maps: HeadMaps, anchors: Tensor, config: EmiffConfig) -> list[Boxes]:
    """Return the detections of each sample, best first.

    Args:
        maps: outputs of the head for B samples.
        anchors: [K, 7] of :func:`emiff_ros.model.anchors.make_anchors`, on the maps' device.
        config: thresholds, limits and box convention.
    """
    cls_score, bbox_pred, dir_cls = (
        channels.float().permute(0, 2, 3, 1).reshape(len(channels), len(anchors), -1)
        for channels in maps
    )
    with without_autocast(cls_score.device):
        return [
            _decode_sample(
                cls_score[sample, :, 0], bbox_pred[sample], dir_cls[sample], anchors, config
            )
            for sample in range(len(cls_score))
        ]


def _decode_sample(
    logits: Tensor, deltas: Tensor, directions: Tensor, anchors: Tensor, config: EmiffConfig
) -> Boxes:
    settings = config.detection
    scores = logits.sigmoid()
    if len(scores) > settings.candidates:
        scores, best = scores.topk(settings.candidates)
        deltas, directions, anchors = deltas[best], directions[best], anchors[best]
    boxes = record('topk_boxes', box_coder.decode(anchors, deltas))
    bins = record('topk_dir', directions.argmax(dim=1))
    record('topk_bev', _extents(boxes))
    record('topk_scores', scores)

    sure = scores > settings.score_threshold
    boxes, scores, bins = boxes[sure], scores[sure], bins[sure]
    # The original suppresses before it repairs the direction; the rectangle is the same.
    rectangles = boxes[:, BIRDS_EYE]
    least = min(settings.nms_threshold, settings.vote_threshold or settings.nms_threshold)
    overlaps = rotated_iou_bev(rectangles, rectangles, least)
    keep = suppress(overlaps, scores, settings.nms_threshold)[: settings.max_boxes]
    kept = boxes[keep]
    if settings.vote_threshold is not None:
        kept = vote(boxes, scores, overlaps, keep, settings.vote_threshold)
    boxes = apply_direction(kept, bins[keep])
    if config.box_convention == 'width_first':
        boxes = length_first_from_width_first(boxes)
    return Boxes(boxes, scores[keep], torch.zeros_like(keep))


def _extents(boxes: Tensor) -> Tensor:
    """Return (x - dx/2, y - dy/2, x + dx/2, y + dy/2, yaw), the form that the original records."""
    centre, half = boxes[:, :2], boxes[:, 3:5] / 2
    return torch.cat([centre - half, centre + half, boxes[:, 6:]], dim=1)


def apply_direction(boxes: Tensor, bins: Tensor) -> Tensor:
    """Turn boxes [N, 7] into the half plane that their direction bins [N] name.

    Bin 0 is a yaw in [-pi/2, pi/2), bin 1 the opposite, [pi/2, 3 pi/2).
    """
    yaw = boxes[:, 6]
    turned = yaw + math.pi / 2
    folded = turned - torch.floor(turned / math.pi) * math.pi
    fixed = folded - math.pi / 2 + math.pi * bins.to(yaw.dtype)
    return torch.cat([boxes[:, :6], fixed.unsqueeze(1)], dim=1)
