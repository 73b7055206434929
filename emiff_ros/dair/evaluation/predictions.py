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

"""Predictions of one frame, as a result file or a bag of detections holds them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Prediction:
    """Predicted cars of one frame, in the vehicle's LiDAR frame.

    Attributes:
        corners: [P, 8, 3] metres, in the order of ``box_corners``.
        scores: [P].
        transmitted_bytes: what the roadside sent for this frame as AB counts it (``ab_cost``);
            None if unknown.
        message_bytes: serialised length of the message that it sent; None if unknown.
    """

    corners: NDArray[np.float64]
    scores: NDArray[np.float64]
    transmitted_bytes: float | None = None
    message_bytes: float | None = None

    @classmethod
    def empty(cls) -> 'Prediction':
        """Return a prediction without boxes (a frame that was not answered)."""
        return cls(np.zeros((0, 8, 3)), np.zeros(0))
