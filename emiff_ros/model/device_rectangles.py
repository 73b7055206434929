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

"""Overlaps of rotated rectangles as operations on tensors, all pairs alike.

On a device asking which pairs are near, as :mod:`~emiff_ros.model.rectangles` does, would wait
for it.
"""

import torch
from torch import Tensor

from emiff_ros.model.rectangles import NO_LENGTH, SHRINKAGE

_ROWS_AT_ONCE = 256


def overlaps(a: Tensor, b: Tensor) -> Tensor:
    """Return the intersection over union of rectangles [N, 5] and [M, 5], float64: [N, M]."""
    return torch.cat([_iou(rows.unsqueeze(1), b) for rows in a.split(_ROWS_AT_ONCE)])


def _iou(a: Tensor, b: Tensor) -> Tensor:
    """IoU [N, M] of rectangles [N, 1, 5] and [M, 5]."""
    intersection = _intersection_area(a, b)
    union = a[..., 2] * a[..., 3] + b[..., 2] * b[..., 3] - intersection
    return (intersection / union).masked_fill(~(intersection > 0), 0.0)


def _intersection_area(a: Tensor, b: Tensor) -> Tensor:
    """Area [N, M] of the convex polygon that two rectangles share; shapes as of :func:`_iou`.

    Its outline is what of each outline lies inside the other rectangle, and an edge from p along
    e adds p x e / 2 to the area inside (Green's theorem). Rectangle ``a`` is made smaller by
    ``SHRINKAGE``, since an edge that both share must count once, and twice or never
    where they only touch. Everything is relative to ``a``, so that large map coordinates lose
    nothing.
    """
    half_a, half_b = a[..., None, 2:4] / 2 * (1 - SHRINKAGE), b[..., None, 2:4] / 2
    turn = b[..., 4:] - a[..., 4:]
    centre = _rotated((b[..., :2] - a[..., :2]).unsqueeze(2), -a[..., 4:])
    corners_b = centre + _rotated(_corners(half_b), turn)
    corners_a = _rotated(_corners(half_a) - centre, -turn)
    edges_a, edges_b = (_edges(corners) for corners in (corners_a, corners_b))
    within_b = _share_within(corners_a, edges_a, half_b).sum(-1)
    within_a = _share_within(corners_b, edges_b, half_a)
    around_b = corners_b[..., 0] * edges_b[..., 1] - corners_b[..., 1] * edges_b[..., 0]
    area = within_b * half_a.prod(-1).squeeze(-1) + (within_a * around_b).sum(-1) / 2
    return area.clamp(min=0)


def _corners(half: Tensor) -> Tensor:
    """Counter-clockwise corners [..., 4, 2] of rectangles with half sizes [..., 1, 2]."""
    # Made on the device: a copy from the host could not be part of a CUDA graph.
    corner = torch.arange(4, device=half.device)
    behind, right = (corner + 1) // 2 % 2, corner // 2
    return (1 - 2 * torch.stack([behind, right], dim=-1)) * half


def _edges(corners: Tensor) -> Tensor:
    """From each corner [..., 4, 2] to the next one; no component is 0, for it will divide."""
    edges = corners.roll(-1, -2) - corners
    return edges.masked_fill(edges.abs() < NO_LENGTH, NO_LENGTH)


def _rotated(points: Tensor, angle: Tensor) -> Tensor:
    """Turn points [N, M, K, 2] by angles [N, M, 1]."""
    cos, sin = angle.cos(), angle.sin()
    x, y = points.unbind(-1)
    return torch.stack([x * cos - y * sin, x * sin + y * cos], dim=-1)


def _share_within(start: Tensor, edge: Tensor, half: Tensor) -> Tensor:
    """Share [..., 4] of each edge from ``start`` that lies in the rectangle from -half to half."""
    one, other = (-half - start) / edge, (half - start) / edge
    enter = torch.minimum(one, other).amax(-1).clamp(min=0)
    leave = torch.maximum(one, other).amin(-1).clamp(max=1)
    return (leave - enter).clamp(min=0)
