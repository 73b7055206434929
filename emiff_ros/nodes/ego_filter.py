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

"""Leaves out detections of the own vehicle: the roadside camera sees it like any other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class EgoFootprint:
    """Extent of the own vehicle on the ground, in its frame.

    Attributes:
        x_from: rear end, metres.
        x_to: front end.
        y_from: right side.
        y_to: left side.
    """

    x_from: float
    x_to: float
    y_from: float
    y_to: float

    @classmethod
    def from_values(cls, values: Sequence[float]) -> EgoFootprint:
        """Read (x from, x to, y from, y to) in metres.

        Raises:
            ValueError: unless they are four finite numbers, each "from" below its "to".
        """
        if (
            len(values) != 4
            or not np.isfinite(values).all()
            or not (values[0] < values[1] and values[2] < values[3])
        ):
            raise ValueError(
                f'ego_footprint is {list(values)}; expected finite metres: x from, x to, y from, '
                'y to, each "from" below its "to"'
            )
        return cls(*map(float, values))

    def contains(self, boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which boxes ``[N, 7]`` have their centre inside, at any height; ``[N]``."""
        x, y = boxes[:, 0], boxes[:, 1]
        return (self.x_from <= x) & (x <= self.x_to) & (self.y_from <= y) & (y <= self.y_to)
