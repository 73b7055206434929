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

"""Detected boxes and the two conventions in which a network may express them."""

from dataclasses import dataclass
import math

import torch
from torch import Tensor

X, Y, Z_BOTTOM, LENGTH, WIDTH, HEIGHT, YAW = range(7)
"""Columns of a box row: metres in the vehicle frame, yaw in radians counter-clockwise from +x."""


@dataclass(frozen=True, eq=False)
class Boxes:
    """Detections of one frame, best first.

    Attributes:
        boxes: [N, 7], (x, y, z of the bottom face, length along the heading, width, height, yaw),
            metres and radians in the vehicle frame.
        scores: [N], 0 to 1.
        labels: [N], index into ``EmiffConfig.class_names``.

    Raises:
        ValueError: if the shapes do not belong together.
    """

    boxes: Tensor
    scores: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        """Check that the shapes belong together."""
        check_boxes(self.boxes)
        count = len(self.boxes)
        if self.scores.shape != (count,) or self.labels.shape != (count,):
            raise ValueError(
                f'{count} boxes with scores {tuple(self.scores.shape)} and labels '
                f'{tuple(self.labels.shape)}; expected [{count}] each'
            )

    def __len__(self) -> int:
        """Return the number of boxes."""
        return len(self.boxes)

    def to(self, device: torch.device | str) -> 'Boxes':
        """Return the detections on another device."""
        return Boxes(self.boxes.to(device), self.scores.to(device), self.labels.to(device))


def check_boxes(boxes: Tensor, name: str = 'boxes') -> None:
    """Raise ValueError unless ``boxes`` is [N, 7]."""
    if boxes.ndim != 2 or boxes.shape[1] != 7:
        raise ValueError(f'{name} has shape {tuple(boxes.shape)}; expected [N, 7]')


def length_first_from_width_first(boxes: Tensor) -> Tensor:
    """Convert rows [N, 7] of the original release to length first.

    The original was trained on (x, y, z, WIDTH, LENGTH, height, yaw - pi/2), a defect of its
    data converter. The rectangle is the same; only names and heading change. The resulting yaw
    lies in [-pi, pi).
    """
    return _swap_sizes(boxes, math.pi / 2)


def width_first_from_length_first(boxes: Tensor) -> Tensor:
    """Inverse of :func:`length_first_from_width_first`, to train in that convention."""
    return _swap_sizes(boxes, -math.pi / 2)


def _swap_sizes(boxes: Tensor, turn: float) -> Tensor:
    check_boxes(boxes)
    x, y, z, first, second, height, yaw = boxes.unbind(1)
    yaw = (yaw + turn + math.pi) % (2 * math.pi) - math.pi
    return torch.stack([x, y, z, second, first, height, yaw], dim=1)
