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

"""Overlaps of rotated rectangles against shapely, pair by pair and as tensors."""

import math

import numpy as np
import pytest
from shapely import affinity, geometry
import torch

from emiff_ros.model import device_rectangles
from emiff_ros.model.nms import rotated_iou_bev


def as_tensors(a, b):
    return device_rectangles.overlaps(a.double(), b.double())


@pytest.fixture(params=[rotated_iou_bev, as_tensors])
def overlaps(request):
    return request.param


def random_boxes(seed, count, spread=10.0, offset=0.0):
    random = np.random.default_rng(seed)
    return torch.from_numpy(
        np.column_stack(
            [
                random.uniform(-spread, spread, (count, 2)) + offset,
                random.uniform(0.3, 8, (count, 2)),
                random.uniform(-7, 7, count),
            ]
        )
    )


def polygon(box):
    x, y, length, width, yaw = box
    rectangle = geometry.box(-length / 2, -width / 2, length / 2, width / 2)
    return affinity.translate(affinity.rotate(rectangle, yaw, (0, 0), use_radians=True), x, y)


def shapely_iou(a, b):
    first, second = [polygon(box) for box in a.tolist()], [polygon(box) for box in b.tolist()]
    return torch.tensor(
        [[p.intersection(q).area / p.union(q).area for q in second] for p in first],
        dtype=torch.float64,
    )


def test_agrees_with_shapely_on_random_boxes(overlaps, device):
    a, b = random_boxes(1, 80), random_boxes(2, 90)
    iou = overlaps(a.to(device), b.to(device)).cpu()
    assert (iou > 0).sum() > 500
    assert torch.allclose(iou, shapely_iou(a, b), atol=1e-9)


def test_agrees_with_shapely_at_right_angles_and_shared_edges(overlaps):
    rows = [
        (x, y, length, width, yaw)
        for x in (0.0, 1.0, 2.0)
        for y in (0.0, 0.5)
        for length, width in ((2.0, 1.0), (1.0, 1.0))
        for yaw in (0.0, math.pi / 2, math.pi, -math.pi / 4)
    ]
    boxes = torch.tensor(rows, dtype=torch.float64)
    assert torch.allclose(overlaps(boxes, boxes), shapely_iou(boxes, boxes), atol=1e-9)


def test_nearly_identical_boxes_have_iou_one(overlaps):
    boxes = random_boxes(3, 60)
    for shift in (0.0, 1e-16, 1e-13, 1e-10):
        iou = overlaps(boxes, boxes + shift).diagonal()
        assert torch.allclose(iou, torch.ones_like(iou), atol=1e-6)


def test_large_coordinates_lose_nothing(overlaps):
    """Rounding of the coordinates themselves, 1e-10 m at 1e6 m, is all that may change."""
    near = random_boxes(4, 40)
    far = near.clone()
    far[:, :2] += 2.0**20
    assert torch.allclose(overlaps(far, far), overlaps(near, near), atol=1e-7)


def test_contained_touching_and_empty_boxes(overlaps):
    boxes = torch.tensor([[0.0, 0, 4, 4, 0], [0, 0, 2, 2, 0.7], [4, 0, 4, 4, 0], [0, 0, 0, 4, 0]])
    iou = overlaps(boxes, boxes)
    assert iou[0, 1].item() == pytest.approx(4 / 16)
    assert iou[0, 2].item() == pytest.approx(0, abs=1e-9)
    assert iou[0, 3].item() == 0


def test_a_box_list_with_itself_is_as_with_its_copy(device):
    boxes = random_boxes(5, 40).to(device)
    torch.testing.assert_close(
        rotated_iou_bev(boxes, boxes), rotated_iou_bev(boxes, boxes.clone())
    )


@pytest.mark.parametrize('least', [0.1, 0.3, 0.7])
def test_only_overlaps_below_the_least_one_are_left_out(least):
    boxes = random_boxes(3, 120)
    exact = rotated_iou_bev(boxes, boxes)
    for others in (boxes, boxes.clone()):
        iou = rotated_iou_bev(boxes, others, least)
        left_out = (iou == 0) & (exact > 0)
        assert left_out.any()
        assert exact[left_out].max() < least
        torch.testing.assert_close(iou[~left_out], exact[~left_out])
