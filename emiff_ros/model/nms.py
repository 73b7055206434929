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

"""Exact IoU and non-maximum suppression of rotated rectangles, on any device.

Own code because no maintained library offers it without a custom compile step and on every device.
"""

import numpy as np
import torch
from torch import Tensor

_ROWS_AT_ONCE = 64
_PAIRS_AT_ONCE = 1 << 15
_EXACT = 'donot_use_mm_for_euclid_dist'
_RELATIVE_TOLERANCE = 1e-9
_SHRINKAGE = 1e-10
_NO_LENGTH = 1e-100


def rotated_iou_bev(a: Tensor, b: Tensor, least: float = 0.0) -> Tensor:
    """Intersection over union of rotated rectangles, every a with every b.

    Args:
        a: [N, 5], (x, y, size along the heading, size across, yaw), yaw counter-clockwise.
        b: [M, 5].
        least: an overlap below it may be given as 0, where that saves time.

    Returns:
        [N, M], in the precision of ``a``; computed in float64, to about 4e-10. Rectangles without
        area give 0.

    Raises:
        ValueError: if an argument is not [*, 5].
    """
    for name, boxes in (('a', a), ('b', b)):
        if boxes.ndim != 2 or boxes.shape[1] != 5:
            raise ValueError(
                f'{name} has shape {tuple(boxes.shape)}; expected [*, 5] (x, y, dx, dy, yaw)'
            )
    if len(a) == 0 or len(b) == 0:
        return a.new_zeros(len(a), len(b))
    a64 = a.detach().double()
    b64 = a64 if a is b else b.detach().double()
    if a.device.type == 'cpu':
        return _iou_where_near(a64, b64, least).to(a.dtype)
    # Elsewhere asking which pairs are near would wait for the device.
    rows = [_iou(chunk.unsqueeze(1), b64) for chunk in a64.split(_ROWS_AT_ONCE)]
    return torch.cat(rows).to(a.dtype)


def suppress(overlaps: Tensor, scores: Tensor, threshold: float) -> Tensor:
    """Drop each box that overlaps a better one; return the kept indices, best first.

    A box is dropped at IoU >= threshold, as the CPU kernel of the original does (its CUDA kernel
    needs >). Equal scores keep their order.

    Args:
        overlaps: [N, N], bird's-eye IoU of every box with every box.
        scores: [N].
        threshold: IoU from 0 to 1.

    Raises:
        ValueError: if scores are not [N].
    """
    if scores.shape != (len(overlaps),):
        raise ValueError(
            f'scores have shape {tuple(scores.shape)}; expected [{len(overlaps)}] for these boxes'
        )
    order = scores.argsort(descending=True, stable=True)
    reached = (overlaps[order][:, order] >= threshold).cpu().numpy()
    alive = np.ones(len(scores), dtype=bool)
    for rank in range(len(scores)):
        if alive[rank]:
            alive[rank + 1 :] &= ~reached[rank, rank + 1 :]
    return order[torch.from_numpy(alive).to(order.device)]


def _iou_where_near(a: Tensor, b: Tensor, least: float) -> Tensor:
    """IoU [N, M], computed only where it may be above 0 and reach ``least``."""
    reach_a, reach_b = (boxes[:, 2:4].norm(dim=1) / 2 for boxes in (a, b))
    near = torch.cdist(a[:, :2], b[:, :2], compute_mode=_EXACT) < reach_a.unsqueeze(1) + reach_b
    if a is b:
        near = near.triu()
    overlaps = a.new_zeros(len(a), len(b))
    for pairs in near.nonzero().split(_PAIRS_AT_ONCE):
        first, second = a[pairs[:, 0]], b[pairs[:, 1]]
        area = first[:, 2:4].prod(1) + second[:, 2:4].prod(1)
        needed = least / (1 + least) * (1 - _RELATIVE_TOLERANCE) * area
        shared = torch.minimum(_shared_at_most(first, second), _shared_at_most(second, first))
        may = ((shared > 0) & (shared >= needed)).nonzero().squeeze(1)
        found = _iou(first[may].unsqueeze(1), second[may].unsqueeze(1)).squeeze(1)
        overlaps[pairs[may].unbind(1)] = found
    return torch.maximum(overlaps, overlaps.T) if a is b else overlaps


def _shared_at_most(a: Tensor, b: Tensor) -> Tensor:
    """Bound [P] of the area that pairs [P, 5] share: a with the extents of b along its sides.

    Touching rectangles may get a bound just above 0, none that overlap gets 0.
    """
    turn = b[:, 4:] - a[:, 4:]
    shift = _rotated((b[:, :2] - a[:, :2]).unsqueeze(1), -a[:, 4:]).squeeze(1)
    own, other = a[:, 2:4], b[:, 2:4]
    extents = other * turn.cos().abs() + other.flip(1) * turn.sin().abs()
    sides = (own + extents) / 2 * (1 + _RELATIVE_TOLERANCE) - shift.abs()
    return torch.minimum(sides, torch.minimum(own, extents)).clamp(min=0).prod(1)


def _iou(a: Tensor, b: Tensor) -> Tensor:
    """IoU [N, M] of rectangles [N, 1, 5] and [M, 5], or [N, 1] of pairs [N, 1, 5]."""
    intersection = _intersection_area(a, b)
    union = a[..., 2] * a[..., 3] + b[..., 2] * b[..., 3] - intersection
    return (intersection / union).masked_fill(~(intersection > 0), 0.0)


def _intersection_area(a: Tensor, b: Tensor) -> Tensor:
    """Area [N, M] of the convex polygon that two rectangles share; shapes as of :func:`_iou`.

    Its outline is what of each outline lies inside the other rectangle, and an edge from p along
    e adds p x e / 2 to the area inside (Green's theorem). Rectangle ``a`` is made smaller by
    ``_SHRINKAGE``, since an edge that both share must count once, and twice or never
    where they only touch. Everything is relative to ``a``, so that large map coordinates lose
    nothing.
    """
    half_a, half_b = a[..., None, 2:4] / 2 * (1 - _SHRINKAGE), b[..., None, 2:4] / 2
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
    return edges.masked_fill(edges.abs() < _NO_LENGTH, _NO_LENGTH)


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
