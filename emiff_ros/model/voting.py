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

"""Box voting: what a kept box's overlapping candidates know about where it really is.

No part of EMIFF. The score that wins a suppression says that there is an object; the mean of all
candidates that agree with the winner says better where (Gidaris and Komodakis, arXiv 1505.01749,
section 4.2).
"""

import torch
from torch import Tensor

BIRDS_EYE = (0, 1, 3, 4, 6)
"""Columns of a box row that describe its rectangle seen from above."""


def vote(
    boxes: Tensor, scores: Tensor, overlaps: Tensor, kept: Tensor, threshold: float
) -> Tensor:
    """Return the kept boxes [K, 7], each the weighted mean of the candidates that overlap it.

    A candidate counts with its squared score if its bird's-eye IoU with the kept box reaches
    ``threshold``; yaws are averaged modulo half a turn.

    Args:
        boxes: [N, 7], all candidates.
        scores: [N], above 0.
        overlaps: [N, N], bird's-eye IoU of every candidate with every candidate.
        kept: [K], indices of the boxes that suppression kept.
        threshold: IoU from 0 to 1.
    """
    winners = boxes[kept]
    weights = (overlaps[kept] >= threshold) * scores.square()
    weights = weights / weights.sum(dim=1, keepdim=True)
    double = 2 * boxes[:, 6]
    yaw = 0.5 * torch.atan2(weights @ double.sin(), weights @ double.cos())
    # Back to the winner's half plane, which the direction bins expect to repair.
    turns = torch.round((winners[:, 6] - yaw) / torch.pi)
    return torch.cat([weights @ boxes[:, :6], (yaw + turns * torch.pi).unsqueeze(1)], dim=1)
