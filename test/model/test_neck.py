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

"""Volume and folded neck: shapes, stages and orientation of the bird's-eye map."""

import pytest
import torch

from emiff_ros.model import EmiffConfig, StageRecorder
from emiff_ros.model.neck import FoldedNeck, VolumeNeck, make_neck


def config(**neck):
    height = neck.pop('height', 6)
    return EmiffConfig.from_dict(
        {
            'fpn_channels': 8,
            'compression': None,
            'voxels': {'counts': [7, 5, height]},
            'neck': {'widths': [8, 12], 'out_channels': 10} | neck,
        }
    )


@pytest.mark.parametrize('residual', [True, False])
@pytest.mark.parametrize('widths', [[8, 12], [6, 12]])
def test_volume_neck(residual, widths):
    neck = make_neck(config(residual=residual, widths=widths)).eval()
    assert isinstance(neck, VolumeNeck)
    assert neck(torch.randn(2, 8, 7, 5, 6)).shape == (2, 10, 5, 7)


def test_heights_of_the_released_stages():
    neck = VolumeNeck(config(widths=[8, 16, 32], height=12)).eval()
    with StageRecorder() as recorder:
        neck(torch.randn(1, 8, 7, 5, 12))
    heights = [recorder.stages[f'neck3d_{k}'].shape[-1] for k in range(6)]
    assert heights == [12, 6, 6, 3, 3, 1]


def test_folded_neck_has_no_3d_convolution():
    neck = make_neck(config(kind='folded', height=5)).eval()
    assert isinstance(neck, FoldedNeck)
    assert neck(torch.randn(2, 8, 7, 5, 5)).shape == (2, 10, 5, 7)
    assert not any(isinstance(module, torch.nn.Conv3d) for module in neck.modules())


@pytest.mark.parametrize('kind', ['volume', 'folded'])
def test_rows_are_y_and_columns_are_x(kind):
    neck = make_neck(config(kind=kind, residual=False, widths=[8, 8])).eval()
    volume = torch.zeros(1, 8, 7, 5, 6)
    moved = volume.clone()
    moved[:, :, 6, 0] = 5
    difference = (neck(moved) - neck(volume)).abs().sum(1)[0]
    assert difference[0, 6] > 0
    assert difference[4, 0] == 0
