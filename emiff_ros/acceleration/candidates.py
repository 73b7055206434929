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

"""From head maps to detections without waiting for the device: every size is fixed.

Same results as :mod:`emiff_ros.model.decoding`, for one sample. All candidates are carried along;
what is not sure enough or suppressed is marked, and dropped on the host.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from emiff_ros.model import Boxes, EmiffConfig, HeadMaps, device_rectangles
from emiff_ros.model.box_coder import decode
from emiff_ros.model.boxes import length_first_from_width_first
from emiff_ros.model.decoding import apply_direction
from emiff_ros.model.voting import BIRDS_EYE, vote

SUPPRESSION_ROUNDS = 24

SCORE = 7
"""Column of the score in a candidate's row."""


class Candidates(NamedTuple):
    """The K best anchors of a frame, best first.

    Attributes:
        rows: [K + 1, 9] float32: box (7), score, 1 if kept. The last row's last number is 1 if
            suppression has settled.
        overlaps: [K, K] float32, 1 where a sure candidate overlaps a later one.
        sure: [K] float32, 1 where the score is above the threshold.
    """

    rows: Tensor
    overlaps: Tensor
    sure: Tensor


def find_candidates(
    maps: HeadMaps, anchors: Tensor, config: EmiffConfig, threshold: Tensor
) -> Candidates:
    """Decode the best anchors of one sample.

    Args:
        maps: outputs of the head, batch 1.
        anchors: [A, 7] on the maps' device.
        config: limits and box convention.
        threshold: score that boxes must exceed, a tensor without dimensions on the same device.
    """
    settings = config.detection
    logits, deltas, directions = (
        channels[0].permute(1, 2, 0).reshape(len(anchors), -1) for channels in maps
    )
    count = min(settings.candidates, len(anchors))
    scores, best = logits[:, 0].float().sigmoid().topk(count)
    boxes = decode(anchors.index_select(0, best), deltas.index_select(0, best).float())
    bins = directions.index_select(0, best).argmax(dim=1)
    sure = (scores > threshold).float()

    # An index from the host could not be part of a CUDA graph.
    rectangles = torch.stack([boxes[:, column] for column in BIRDS_EYE], dim=1).double()
    shares = device_rectangles.overlaps(rectangles, rectangles).float()
    overlaps = (shares >= settings.nms_threshold).float().triu(1) * sure.unsqueeze(1)
    kept, settled = suppress(overlaps, sure)
    if settings.vote_threshold is not None:
        everyone = torch.arange(count, device=boxes.device)
        boxes = vote(boxes, scores * sure, shares, everyone, settings.vote_threshold)
    boxes = apply_direction(boxes, bins)
    if config.box_convention == 'width_first':
        boxes = length_first_from_width_first(boxes)
    rows = torch.cat([boxes, scores.unsqueeze(1), kept.unsqueeze(1)], dim=1)
    footer = settled.expand(1, rows.shape[1])
    return Candidates(torch.cat([rows, footer]), overlaps, sure)


def suppress(
    overlaps: Tensor, sure: Tensor, kept: Tensor | None = None, rounds: int = SUPPRESSION_ROUNDS
) -> tuple[Tensor, Tensor]:
    """Greedy suppression by repetition.

    A candidate stays if no better one that stays overlaps it. Repeating that for all at once
    settles from the best candidate down, at least one a round; what no longer changes is the
    greedy answer, for there is only one such set.

    Args:
        overlaps: [K, K], 1 where a sure candidate overlaps a later one, else 0.
        sure: [K], 1 for those that may stay.
        kept: [K], where to go on; ``sure`` by default.
        rounds: how often.

    Returns:
        [K], 1 for those that stay, and a tensor [1], 1 if the last round changed nothing.
    """
    kept = sure if kept is None else kept
    before = kept
    for _ in range(rounds):
        before, kept = kept, sure * (kept @ overlaps == 0)
    return kept, (before == kept).all().float().view(1)


def boxes_from_candidates(candidates: Candidates, rows: Tensor, config: EmiffConfig) -> Boxes:
    """Return the kept boxes.

    Args:
        candidates: on any device; looked at only if suppression has not settled.
        rows: their rows on the CPU.
        config: limits.
    """
    kept = rows[:-1, 8]
    settled = bool(rows[-1, 8])
    while not settled:
        state = kept.to(candidates.overlaps.device)
        state, flag = suppress(candidates.overlaps, candidates.sure, state)
        kept, settled = state.cpu(), bool(flag)
    chosen = rows[:-1][kept > 0][: config.detection.max_boxes]
    labels = torch.zeros(len(chosen), dtype=torch.long)
    return Boxes(chosen[:, :7].clone(), chosen[:, SCORE].clone(), labels)
