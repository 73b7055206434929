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

"""Boxes as offsets from anchors and back, the regression code of SECOND and PointPillars."""

import torch
from torch import Tensor

from emiff_ros.model.boxes import check_boxes


def encode(anchors: Tensor, boxes: Tensor) -> Tensor:
    """Return the offsets [N, 7] that :func:`decode` turns back into ``boxes``.

    Args:
        anchors: [N, 7], (x, y, z_bottom, size x, size y, height, yaw).
        boxes: [N, 7], one box for each anchor, sizes above 0.

    Raises:
        ValueError: if the shapes differ or are not [N, 7].
    """
    _check_pair(anchors, boxes, 'boxes')
    xa, ya, za, dxa, dya, dza, yaw_a = anchors.unbind(-1)
    x, y, z, dx, dy, dz, yaw = boxes.unbind(-1)
    diagonal = torch.sqrt(dxa**2 + dya**2)
    return torch.stack(
        [
            (x - xa) / diagonal,
            (y - ya) / diagonal,
            ((z + dz / 2) - (za + dza / 2)) / dza,
            torch.log(dx / dxa),
            torch.log(dy / dya),
            torch.log(dz / dza),
            yaw - yaw_a,
        ],
        dim=-1,
    )


def decode(anchors: Tensor, deltas: Tensor) -> Tensor:
    """Apply offsets to anchors.

    Positions scale with the anchor's bird's-eye diagonal, sizes exponentially; vertical offsets
    refer to the boxes' centres although z itself is the bottom face.

    Args:
        anchors: [N, 7], (x, y, z_bottom, size x, size y, height, yaw).
        deltas: [N, 7], output of the regression branch.

    Raises:
        ValueError: if the shapes differ or are not [N, 7].
    """
    _check_pair(anchors, deltas, 'deltas')
    xa, ya, za, dxa, dya, dza, yaw_a = anchors.unbind(-1)
    tx, ty, tz, tdx, tdy, tdz, tyaw = deltas.unbind(-1)
    diagonal = torch.sqrt(dxa**2 + dya**2)
    dz = torch.exp(tdz) * dza
    return torch.stack(
        [
            tx * diagonal + xa,
            ty * diagonal + ya,
            tz * dza + (za + dza / 2) - dz / 2,
            torch.exp(tdx) * dxa,
            torch.exp(tdy) * dya,
            dz,
            tyaw + yaw_a,
        ],
        dim=-1,
    )


def _check_pair(anchors: Tensor, others: Tensor, name: str) -> None:
    check_boxes(anchors, 'anchors')
    check_boxes(others, name)
    if len(anchors) != len(others):
        raise ValueError(f'{len(anchors)} anchors and {len(others)} {name}; expected as many')
