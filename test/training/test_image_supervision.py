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

"""Heat maps and their loss on cases known by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from training.tiny import tiny_set

from emiff_ros.training.augmentation import AugmentationConfig, mirror
from emiff_ros.training.image_supervision import ImageSupervision, centre_heatmap, heatmap_loss
from emiff_ros.training.sampler import SampleKey


def test_heatmap_peaks_at_the_centres():
    centres = torch.tensor([[41.0, 22.0, 40.0], [8.0, 4.0, 4.0]])
    heat = centre_heatmap(centres, 12, 20)
    assert torch.nonzero(heat == 1).tolist() == [[1, 2], [5, 10]]
    assert heat[5, 12] > heat[1, 4] > 0
    assert not centre_heatmap(torch.zeros(0, 3), 12, 20).any()


def test_loss_prefers_the_true_map():
    target = centre_heatmap(torch.tensor([[41.0, 22.0, 20.0]]), 12, 20)[None]
    right = torch.where(target == 1, 8.0, -8.0)
    assert heatmap_loss(right, target) < 1e-3
    assert heatmap_loss(-right, target) > 10 * heatmap_loss(0 * right, target)
    assert heatmap_loss(torch.full_like(target, -8.0), torch.zeros_like(target)) < 1e-3


def test_a_head_learns_where_a_feature_marks_objects():
    torch.manual_seed(0)
    supervision = ImageSupervision(4)
    centres = [torch.tensor([[41.0, 22.0, 4.0]]), torch.zeros(0, 3)]
    level = torch.randn(2, 4, 12, 20) * 0.1
    level[0, 2, 5, 10] = 3.0
    optimizer = torch.optim.Adam(supervision.parameters(), 0.2)
    losses = []
    for _ in range(40):
        loss = supervision(level, centres, 'infrastructure')
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.1 * losses[0]


def test_centres_follow_the_image_when_it_is_mirrored(tmp_path):
    plain = tiny_set(tmp_path)[0]
    flipping = tiny_set(tmp_path, AugmentationConfig(mirror_probability=1.0))[SampleKey(0)]
    assert flipping.sample.flipped and len(plain.centres) == 2
    for before, after, view in zip(
        plain.centres, flipping.centres, plain.sample.views, strict=True
    ):
        width = view.image.shape[1]
        np.testing.assert_allclose(after[:, 0], width - before[:, 0])
        np.testing.assert_allclose(after[:, 1:], before[:, 1:])
    in_vehicle = plain.centres[0]
    pixels, depth = plain.sample.vehicle.project(
        plain.sample.boxes[:, :3] + plain.sample.boxes[:, 5:6] * [0, 0, 0.5]
    )
    np.testing.assert_allclose(in_vehicle[:, :2], pixels, atol=1e-6)
    heights = plain.sample.vehicle.intrinsics[1, 1] * plain.sample.boxes[:, 5] / depth
    assert in_vehicle[:, 2] == pytest.approx(heights)
    hidden = replace(plain.sample, vehicle_visible=np.zeros(4))
    assert [len(found) for found in hidden.image_centres(0.1)][0] == 0
    assert mirror(plain.sample).flipped
