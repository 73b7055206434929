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

"""Fusing volumes: each kind, any number of views."""

import pytest
import torch

from emiff_ros.model import EmiffConfig
from emiff_ros.model.view_fusion import ViewFusion

SHAPE = (1, 64, 2, 3, 4)


def fusion(kind):
    torch.manual_seed(0)
    return ViewFusion(EmiffConfig.from_dict({'view_fusion': kind}))


def volumes(count):
    generator = torch.Generator().manual_seed(count)
    return [torch.randn(SHAPE, generator=generator) for _ in range(count)]


def everything(count):
    return [torch.ones(1, 1, 2, 3, 4, dtype=torch.bool)] * count


@pytest.mark.parametrize('count', [0, 1, 3])
def test_mean_is_over_the_views_that_are_there(count):
    vehicle, *roadside = volumes(count + 1)
    fused = fusion('mean')(vehicle, roadside, everything(count + 1))
    assert torch.allclose(fused, sum([vehicle, *roadside]) / (count + 1))


def test_mean_counts_views_that_see_nothing():
    """Quirk: unseen cells contribute zeros; there is no division by visibility."""
    vehicle = torch.ones(SHAPE)
    fused = fusion('mean')(vehicle, [torch.zeros(SHAPE)], everything(2))
    assert (fused == 0.5).all()


def test_visibility_weighted_counts_only_views_that_see_a_voxel():
    vehicle, station = torch.full(SHAPE, 2.0), torch.full(SHAPE, 4.0)
    sees = torch.zeros(2, 1, 1, 2, 3, 4, dtype=torch.bool)
    sees[0, ..., 0] = True
    sees[1, ..., 1] = True
    sees[:, ..., 2] = True
    fused = fusion('visibility_weighted')(vehicle, [station], list(sees))
    assert [fused[..., k].unique().item() for k in range(4)] == [2, 4, 3, 0]


def test_concatenation_keeps_the_sides_apart():
    vehicle, station = volumes(2)
    fuse = fusion('concatenate')
    both = fuse(vehicle, [station], everything(2))
    swapped = fuse(station, [vehicle], everything(2))
    assert both.shape == SHAPE
    assert not torch.allclose(both, swapped)
    assert torch.allclose(fuse(vehicle, [station, station], everything(3)), both, atol=1e-6)


@pytest.mark.parametrize('kind', ['mean', 'visibility_weighted', 'concatenate'])
@pytest.mark.parametrize('vehicle', [True, False])
def test_one_side_alone(kind, vehicle):
    volume = volumes(1)[0]
    sides = (volume, []) if vehicle else (None, [volume])
    fused = fusion(kind)(*sides, everything(1))
    assert fused.shape == SHAPE
    if kind != 'concatenate':
        assert torch.equal(fused, volume)
