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
from numpy.typing import NDArray
import torch
from torch import Tensor

from emiff_ros.compiled import compiled
from emiff_ros.model import device_rectangles, rectangles


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
    a64 = a.detach().double().contiguous()
    b64 = a64 if a is b else b.detach().double().contiguous()
    if a.device.type == 'cpu':  # Without boxes too: it is compiled then.
        first = a64.numpy()
        second = first if a is b else b64.numpy()
        return torch.from_numpy(rectangles.overlaps(first, second, least)).to(a.dtype)
    if len(a) == 0 or len(b) == 0:
        return a.new_zeros(len(a), len(b))
    return device_rectangles.overlaps(a64, b64).to(a.dtype)


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
    alive = torch.from_numpy(_alive(reached))
    return order[alive.to(order.device)]


@compiled
def _alive(reached: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which boxes no better one that stays has reached, [N], best first."""
    alive = np.ones(len(reached), np.bool_)
    for rank in range(len(reached)):
        if alive[rank]:
            for worse in range(rank + 1, len(reached)):
                alive[worse] &= not reached[rank, worse]
    return alive
