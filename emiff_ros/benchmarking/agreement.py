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

"""How far a candidate's boxes are from the plain network's."""

from collections.abc import Sequence

from emiff_ros.model import Boxes
from emiff_ros.model.nms import rotated_iou_bev
from emiff_ros.model.voting import BIRDS_EYE

SURE = 0.3
SAME_IOU = 0.5


def agreement(reference: Sequence[Boxes], other: Sequence[Boxes]) -> dict[str, float | int]:
    """Compare the boxes of the same frames.

    A box of the reference that scores above 0.3 is matched by the best yet unmatched box of the
    other that overlaps it by a bird's-eye IoU of at least 0.5.

    Returns:
        ``boxes`` above 0.3, the share of them ``matched``, and over the matched ones the largest
        difference of the centres in metres and of the scores, with their medians.
    """
    wanted, distances, scores = 0, [], []
    for ours, theirs in zip(reference, other, strict=True):
        overlaps = rotated_iou_bev(ours.boxes[:, BIRDS_EYE], theirs.boxes[:, BIRDS_EYE])
        for index in (ours.scores > SURE).nonzero().flatten().tolist():
            wanted += 1
            if len(theirs) == 0:
                continue
            best = int(overlaps[index].argmax())
            if overlaps[index, best] < SAME_IOU:
                continue
            overlaps[:, best] = -1.0
            gap = ours.boxes[index, :3] - theirs.boxes[best, :3]
            distances.append(float(gap.norm()))
            scores.append(float((ours.scores[index] - theirs.scores[best]).abs()))
    distances, scores = sorted(distances), sorted(scores)
    return {
        'boxes': wanted,
        'matched': round(len(distances) / wanted, 4) if wanted else 1.0,
        'centre_m_median': distances[len(distances) // 2] if distances else 0.0,
        'centre_m_max': distances[-1] if distances else 0.0,
        'score_median': scores[len(scores) // 2] if scores else 0.0,
        'score_max': scores[-1] if scores else 0.0,
    }
