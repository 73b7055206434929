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

"""What the evaluation needs of one frame."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class FrameResult:
    """Ground truth and predictions of one frame, in the vehicle's LiDAR frame.

    Attributes:
        ground_truth_corners: [G, 8, 3] metres, corners in the order of ``box_corners``, objects in
            the file's order (matching goes through them in this order).
        predicted_corners: [P, 8, 3] metres, corners in the order of ``box_corners``.
        scores: [P], higher is more certain.
        frame_id: for error messages.
    """

    ground_truth_corners: NDArray[np.float64]
    predicted_corners: NDArray[np.float64]
    scores: NDArray[np.float64]
    frame_id: str = ''

    def __post_init__(self) -> None:
        """Convert the arrays to float64 and check them."""
        where = f'frame {self.frame_id!r}: ' if self.frame_id else ''
        for name in ('ground_truth_corners', 'predicted_corners'):
            corners = as_corners(getattr(self, name), where + name)
            object.__setattr__(self, name, corners)
        scores = np.asarray(self.scores, dtype=np.float64)
        if scores.shape != (len(self.predicted_corners),):
            raise ValueError(
                f'{where}scores have shape {scores.shape}; expected one for each of the '
                f'{len(self.predicted_corners)} predicted boxes'
            )
        if not np.isfinite(scores).all():
            raise ValueError(f'{where}a score is not finite: {scores.tolist()}')
        object.__setattr__(self, 'scores', scores)


def as_corners(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """Return box corners as finite float64 [N, 8, 3]; an empty list becomes [0, 8, 3].

    Raises:
        ValueError: for another shape or numbers that are not finite.
    """
    corners = np.asarray(values, dtype=np.float64)
    if corners.size == 0:
        return np.zeros((0, 8, 3))
    if corners.ndim != 3 or corners.shape[1:] != (8, 3):
        raise ValueError(f'{name} has shape {corners.shape}; expected [N, 8, 3]')
    if not np.isfinite(corners).all():
        raise ValueError(f'{name} holds a number that is not finite')
    return corners
