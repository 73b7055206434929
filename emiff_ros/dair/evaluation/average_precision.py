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

"""Average precision over all predictions of a data set, as OpenDAIRV2X publishes it."""

import numpy as np
from numpy.typing import ArrayLike


def average_precision(scores: ArrayLike, is_true_positive: ArrayLike, objects: int) -> float:
    """Return the average precision in percent.

    Predictions are sorted by score (stable); precision is made non-increasing from the right; the
    sum runs over the steps of recall, and the step of the very first prediction is not counted, so
    that a perfect detector on N objects scores 100 (N - 1) / N.

    Args:
        scores: one for each prediction, in the order in which equal scores are to be kept.
        is_true_positive: one flag for each prediction.
        objects: number of ground-truth boxes.

    Returns:
        0 to 100; NaN if there are no objects (recall is undefined).
    """
    scores = np.asarray(scores, dtype=np.float64)
    hits = np.asarray(is_true_positive, dtype=bool)
    if scores.ndim != 1 or scores.shape != hits.shape:
        raise ValueError(
            f'{scores.shape} scores and {hits.shape} flags; expected one flag a score'
        )
    if objects == 0:
        return float('nan')
    true_positives = np.cumsum(hits[np.argsort(-scores, kind='stable')])
    precision = true_positives / np.arange(1, len(scores) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    steps = np.diff(true_positives) / objects
    return float(100.0 * (steps * precision[1:]).sum())
