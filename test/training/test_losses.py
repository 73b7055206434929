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

"""Targets and losses against the official implementation's recorded values."""

from pathlib import Path

import numpy as np
import pytest
import torch

from emiff_ros.model.nms import rotated_iou_bev
from emiff_ros.training.losses import (
    LossConfig,
    detection_loss,
    overlap,
    quality_focal_loss,
    sigmoid_focal_loss,
)
from emiff_ros.training.targets import AnchorAssigner

GOLDEN = Path(__file__).parents[1] / 'data' / 'golden' / 'golden_loss.npz'
CASES = {'both': (True, True), 'one_empty': (True, False), 'both_empty': (False, False)}


@pytest.fixture(scope='module')
def golden():
    with np.load(GOLDEN) as data:
        return dict(data)


def _boxes(golden, case):
    empty = np.zeros((0, 7), np.float32)
    return [
        torch.from_numpy(golden[f'gt{sample}'] if present else empty)
        for sample, present in enumerate(CASES[case])
    ]


@pytest.mark.parametrize('case', CASES)
def test_targets_equal_the_reference(golden, case):
    assigner = AnchorAssigner(torch.from_numpy(golden['anchors']))
    targets = assigner.targets(_boxes(golden, case))
    np.testing.assert_array_equal(targets.positive, golden[f'{case}/labels'] == 0)
    np.testing.assert_array_equal(targets.weight, golden[f'{case}/label_weights'])
    np.testing.assert_array_equal(
        targets.positive_index, golden[f'{case}/pos_index'].reshape(-1, 2)
    )
    np.testing.assert_allclose(
        targets.deltas, golden[f'{case}/pos_targets'].reshape(-1, 7), atol=1e-6
    )
    np.testing.assert_array_equal(targets.direction, golden[f'{case}/pos_dir'])
    assert targets.normaliser == golden[f'{case}/num_pos']


@pytest.mark.parametrize('case', CASES)
def test_losses_and_gradients_equal_the_reference(golden, case):
    names = ('cls_score', 'bbox_pred', 'dir_cls')
    maps = [torch.from_numpy(golden[name]).clone().requires_grad_() for name in names]
    assigner = AnchorAssigner(torch.from_numpy(golden['anchors']))
    loss = detection_loss(*maps, assigner.targets(_boxes(golden, case)))
    loss.total.backward()
    assert loss.classification.item() == pytest.approx(golden[f'{case}/loss_cls'][0], rel=1e-5)
    assert loss.box.item() == pytest.approx(golden[f'{case}/loss_bbox'][0], rel=1e-5)
    assert loss.direction.item() == pytest.approx(golden[f'{case}/loss_dir'][0], rel=1e-5)
    for name, tensor in zip(names, maps, strict=True):
        expected = golden[f'{case}/grad_{name}']
        np.testing.assert_allclose(
            tensor.grad, expected, atol=1e-6 * max(1.0, np.abs(expected).max()), err_msg=name
        )


def test_focal_loss_is_finite_for_extreme_logits():
    logits = torch.tensor([-200.0, 200.0, -200.0, 200.0], requires_grad=True)
    positive = torch.tensor([True, True, False, False])
    loss = sigmoid_focal_loss(logits, positive, alpha=0.25, gamma=2.0)
    loss.sum().backward()
    assert torch.isfinite(logits.grad).all()
    assert loss.tolist() == pytest.approx([50.0, 0.0, 0.0, 150.0])


def test_other_grid_is_refused(golden):
    assigner = AnchorAssigner(torch.from_numpy(golden['anchors'][:-2]))
    maps = [torch.from_numpy(golden[name]) for name in ('cls_score', 'bbox_pred', 'dir_cls')]
    with pytest.raises(ValueError, match='one config'):
        detection_loss(*maps, assigner.targets(_boxes(golden, 'both')))


def test_overlap_is_the_iou_where_headings_agree():
    random = torch.Generator().manual_seed(0)
    first = torch.rand(50, 7, generator=random) * torch.tensor([2, 2, 1, 4, 2, 2, 3]) + 1
    second = torch.rand(50, 7, generator=random) * torch.tensor([2, 2, 1, 4, 2, 2, 3]) + 1
    second[:, 6] = first[:, 6]
    columns = [0, 1, 3, 4, 6]
    expected = rotated_iou_bev(first[:, columns], second[:, columns]).diagonal()
    torch.testing.assert_close(overlap(first, second), expected, atol=1e-5, rtol=1e-5)


def test_overlap_falls_with_the_angle_and_forgets_the_direction():
    box = torch.tensor([[0.0, 0, 0, 4, 2, 1.5, 0.3]])
    turned = box.repeat(3, 1)
    turned[:, 6] += torch.tensor([0.5, torch.pi, torch.pi / 2])
    expected = torch.tensor([0.5, torch.pi, torch.pi / 2]).cos().abs()
    torch.testing.assert_close(overlap(turned, box.expand(3, 7)), expected)


def test_the_quality_loss_is_smallest_at_the_quality():
    logits = torch.linspace(-6, 6, 241)
    for quality in (0.0, 0.3, 0.8, 1.0):
        loss = quality_focal_loss(logits, torch.full_like(logits, quality), 2.0)
        assert loss.min() >= 0
        nearest = (torch.sigmoid(logits) - quality).abs().argmin()
        assert loss[nearest] == loss.min()


def test_scores_learn_how_well_their_boxes_fit(golden):
    targets = AnchorAssigner(torch.from_numpy(golden['anchors'])).targets(_boxes(golden, 'both'))
    config = LossConfig(score_target='overlap')
    maps = _maps_of(targets, golden)
    right = detection_loss(*maps, targets, config)
    assert right.box == 0
    assert right.classification < 0.01
    maps[1].add_(0.5)
    misplaced = detection_loss(*maps, targets, config)
    assert misplaced.classification > 10 * right.classification


def _maps_of(targets, golden):
    """Head maps that are sure of every positive and place its box exactly."""
    batch, count = targets.positive.shape
    shape = golden['cls_score'].shape
    per_cell, ny, nx = shape[1:]
    assert per_cell * ny * nx == count
    logits = torch.where(targets.positive, 12.0, -12.0)
    deltas = torch.zeros(batch, count, 7)
    deltas[tuple(targets.positive_index.T)] = targets.deltas
    turns = torch.zeros(batch, count, 2)
    return [
        values.reshape(batch, ny, nx, -1).permute(0, 3, 1, 2).contiguous()
        for values in (logits, deltas, turns)
    ]
