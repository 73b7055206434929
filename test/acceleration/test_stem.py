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

"""The stem's pooling in slices is max_pool2d."""

import pytest
import torch
from torch.nn import functional

from emiff_ros.acceleration.stem import SlicedMaximum, pool_in_slices
from emiff_ros.model.backbone import ResNet
from emiff_ros.model.config import BackboneConfig
from emiff_ros.model.preprocessing import normalise, row_statistics


@pytest.mark.parametrize('size', [(2, 2), (2, 8), (6, 4), (88, 40)])
@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
def test_it_is_max_pool2d(size, layout):
    x = torch.randn(2, 5, *size, generator=torch.Generator().manual_seed(0))
    x = x.contiguous(memory_format=layout)
    assert torch.equal(SlicedMaximum()(x), functional.max_pool2d(x, 3, 2, 1))


@pytest.fixture
def backbone():
    torch.manual_seed(1)
    return ResNet(BackboneConfig(depth=18, widths=(8, 8, 8, 8))).requires_grad_(False).eval()


@pytest.fixture
def image():
    rgb = torch.randint(0, 256, (32, 64, 3), generator=torch.Generator().manual_seed(2))
    return normalise(rgb, row_statistics(64, rgb.device)).permute(2, 0, 1).unsqueeze(0)


def test_the_backbone_gives_the_same(backbone, image):
    expected = backbone(image)
    pool_in_slices(backbone)
    for ours, theirs in zip(backbone(image), expected, strict=True):
        assert torch.equal(ours, theirs)
