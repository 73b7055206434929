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
_RELATIVE_TOLERANCE = 1e-9


def rotated_iou_bev(a: Tensor, b: Tensor, least: float = 0.0) -> Tensor:
    """Intersection over union of rotated rectangles, every a with every b.

    Args:
        a: [N, 5], (x, y, size along the heading, size across, yaw), yaw counter-clockwise.
        b: [M, 5].
        least: an overlap below it may be given as 0, where that saves time.

    Returns:
        [N, M], in the precision of ``a``; computed in float64. Rectangles without area give 0.

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
    area_a, area_b = (boxes[:, 2] * boxes[:, 3] for boxes in (a, b))
    shared = _shared_at_most(a, b)
    shared = torch.minimum(shared, shared.T if a is b else _shared_at_most(b, a).T)
    needed = least / (1 + least) * (1 - _RELATIVE_TOLERANCE)
    near = (shared > 0) & (shared >= needed * (area_a.unsqueeze(1) + area_b))
    if a is b:
        near = near.triu()
    overlaps = torch.zeros_like(shared)
    for pairs in near.nonzero().split(_PAIRS_AT_ONCE):
        first, second = pairs.unbind(1)
        overlaps[first, second] = _iou(a[first].unsqueeze(1), b[second].unsqueeze(1)).squeeze(1)
    return torch.maximum(overlaps, overlaps.T) if a is b else overlaps


def _shared_at_most(a: Tensor, b: Tensor) -> Tensor:
    """Bound [N, M] of the area that two rectangles share: a with the extents of b along its sides.

    Touching rectangles may get a bound just above 0, none that overlap gets 0.
    """
    turn = b[:, 4] - a[:, 4:]
    cos, sin = turn.cos().abs(), turn.sin().abs()
    shift = b[:, :2] - a[:, None, :2]
    forward, left = a[:, 4:].cos(), a[:, 4:].sin()
    along = (shift[..., 0] * forward + shift[..., 1] * left).abs()
    across = (shift[..., 1] * forward - shift[..., 0] * left).abs()
    length, width = a[:, 2:3], a[:, 3:4]
    lengths = torch.stack([b[:, 2] * cos + b[:, 3] * sin, b[:, 2] * sin + b[:, 3] * cos])
    own = torch.stack([length, width])
    slack = 1 + _RELATIVE_TOLERANCE
    sides = (own + lengths) / 2 * slack - torch.stack([along, across])
    return torch.minimum(sides, torch.minimum(own, lengths)).clamp(min=0).prod(dim=0)


def _iou(a: Tensor, b: Tensor) -> Tensor:
    """IoU [N, M] of rectangles [N, 1, 5] and [M, 5], or [N, 1] of pairs [N, 1, 5]."""
    intersection = _intersection_area(a, b)
    union = a[..., 2] * a[..., 3] + b[..., 2] * b[..., 3] - intersection
    return (intersection / union).masked_fill(~(intersection > 0), 0.0)


def _intersection_area(a: Tensor, b: Tensor) -> Tensor:
    """Area [N, M] of the convex polygon that two rectangles share; shapes as of :func:`_iou`.

    Its vertices are the corners of one rectangle inside the other and the crossings of their
    edges; sorted by angle around their mean they give the area. Coordinates are relative to the
    centre of ``a``, so that large map coordinates lose nothing.
    """
    shifts = (b[..., :2] - a[..., :2]).unsqueeze(2)
    corners_b = _corners(b) + shifts
    corners_a = _corners(a).expand_as(corners_b)
    inside_b = _contains(b, shifts, corners_a)
    inside_a = _contains(a, torch.zeros_like(shifts), corners_b)
    crossings, crossed = _edge_crossings(corners_a, corners_b)
    points = torch.cat([corners_a, corners_b, crossings], dim=2)
    valid = torch.cat([inside_b, inside_a, crossed], dim=2)
    return _convex_area(points, valid)


def _corners(boxes: Tensor) -> Tensor:
    """Counter-clockwise corners [..., 4, 2] of rectangles [..., 5], relative to their centres."""
    # Made on the device: a copy from the host could not be part of a CUDA graph.
    corner = torch.arange(4, device=boxes.device)
    behind, right = (corner + 1) // 2 % 2, corner // 2
    local = (0.5 - torch.stack([behind, right], dim=-1)) * boxes[..., None, 2:4]
    cos, sin = boxes[..., 4:].cos(), boxes[..., 4:].sin()
    x = local[..., 0] * cos - local[..., 1] * sin
    y = local[..., 0] * sin + local[..., 1] * cos
    return torch.stack([x, y], dim=-1)


def _contains(boxes: Tensor, centres: Tensor, points: Tensor) -> Tensor:
    """Tell which points [N, M, 4, 2] lie in rectangles (border included) at ``centres``."""
    relative = points - centres
    cos, sin = boxes[..., 4:].cos(), boxes[..., 4:].sin()
    along = relative[..., 0] * cos + relative[..., 1] * sin
    across = -relative[..., 0] * sin + relative[..., 1] * cos
    half_length, half_width = boxes[..., 2:3] / 2, boxes[..., 3:4] / 2
    tolerance = _RELATIVE_TOLERANCE * (half_length + half_width)
    return (along.abs() <= half_length + tolerance) & (across.abs() <= half_width + tolerance)


def _edge_crossings(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Crossings [N, M, 16, 2] of all edge pairs and which of them exist.

    Parallel edges have none: where they overlap, the ends of the overlap are corners.
    """
    start_a, edge_a = a.unsqueeze(3), (a.roll(-1, 2) - a).unsqueeze(3)
    start_b, edge_b = b.unsqueeze(2), (b.roll(-1, 2) - b).unsqueeze(2)
    determinant = _cross(edge_a, edge_b)
    scale = edge_a.norm(dim=-1) * edge_b.norm(dim=-1)
    parallel = determinant.abs() <= _RELATIVE_TOLERANCE * scale
    determinant = determinant.masked_fill(parallel, 1.0)
    between = start_b - start_a
    along_a = _cross(between, edge_b) / determinant
    along_b = _cross(between, edge_a) / determinant
    exists = ~parallel & (along_a >= 0) & (along_a <= 1) & (along_b >= 0) & (along_b <= 1)
    points = start_a + along_a.unsqueeze(-1) * edge_a
    return points.flatten(2, 3), exists.flatten(2, 3)


def _convex_area(points: Tensor, valid: Tensor) -> Tensor:
    """Area of the convex polygon of the valid points [N, M, P, 2]; duplicates do no harm."""
    count = valid.sum(-1, keepdim=True).clamp(min=1).unsqueeze(-1)
    absent = ~valid.unsqueeze(-1)
    centre = points.masked_fill(absent, 0.0).sum(2, keepdim=True) / count
    relative = (points - centre).masked_fill(absent, 0.0)
    angle = torch.atan2(relative[..., 1], relative[..., 0]).masked_fill(~valid, torch.inf)
    order = angle.argsort(dim=-1)
    ordered = relative.gather(2, order.unsqueeze(-1).expand_as(relative))
    is_point = valid.gather(2, order).unsqueeze(-1)
    # Invalid places come last; filled with the first vertex they close the polygon.
    ordered = torch.where(is_point, ordered, ordered[:, :, :1])
    area = _cross(ordered, ordered.roll(-1, 2)).sum(-1) / 2
    return area.clamp(min=0).masked_fill(valid.sum(-1) < 3, 0.0)


def _cross(a: Tensor, b: Tensor) -> Tensor:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]
