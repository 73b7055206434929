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

"""Matching of predictions to ground truth, frame by frame, as OpenDAIRV2X and EMIFF do it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from emiff_ros.dair.evaluation.measures import VIEWS, Measure


@dataclass
class FrameCandidates:
    """The pairs of one frame that can match at all.

    Attributes:
        scores: [P] of the predictions, in descending order.
        by_object: for each ground-truth box, (prediction's rank, 3D IoU, bird's-eye IoU) of the
            predictions that touch it, by rank.
    """

    scores: NDArray[np.float64]
    by_object: list[list[tuple[int, float, float]]] = field(default_factory=list)


def match_frame(
    candidates: FrameCandidates,
    kept_objects: Sequence[bool],
    kept_predictions: Sequence[bool],
    measure: Measure,
) -> list[int]:
    """Return the ranks of the true positives, in the order of the ground truth they were given to.

    Each ground-truth box in turn takes the free prediction with the highest IoU that reaches the
    threshold; of exactly equal ones it takes the one with the lower score. Scores play no other
    part, so this is neither KITTI's nor COCO's matching.
    """
    column = 1 + VIEWS.index(measure.view)
    taken: list[int] = []
    for kept, touching in zip(kept_objects, candidates.by_object, strict=True):
        if not kept:
            continue
        best_iou, best_rank = measure.iou_threshold, None
        for candidate in touching:
            rank, iou = candidate[0], candidate[column]
            if iou >= best_iou and kept_predictions[rank] and rank not in taken:
                best_iou, best_rank = iou, rank
        if best_rank is not None:
            taken.append(best_rank)
    return taken
