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

"""A narrower backbone that begins with channels of a wider one."""

import pytest
import torch
from torch import nn
from training.tiny import tiny_model

from emiff_ros.model.encoders import InfrastructureEncoder, VehicleEncoder
from emiff_ros.training.narrowing import narrow

DEAD = 3
"""Channels of every layer of the wider networks that carry nothing."""


def encoder_of(kind, depth, widths, seed=0):
    torch.manual_seed(seed)
    config = tiny_model(backbone={'depth': depth, 'widths': widths})
    encoder = kind(config).eval()
    for norm in encoder.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.normal_(0, 0.3)
            norm.running_var.uniform_(0.5, 2.0)
            nn.init.uniform_(norm.weight, 0.5, 1.5)
    return encoder


def silence(encoder, count):
    """Silence some channels of all sums and of the inside of all blocks."""
    backbone = encoder.backbone
    for layer in backbone.layers:
        width = layer[0].bn1.num_features
        inside = torch.randperm(width)[:count]
        last = [name for name in ('bn1', 'bn2', 'bn3') if hasattr(layer[0], name)][-1]
        outside = torch.randperm(getattr(layer[0], last).num_features)
        outside = outside[: count * layer[0].expansion]
        for block in layer:
            norms = [(getattr(block, last), outside)]
            norms += [(block.bn1, inside)] + ([(block.bn2, inside)] if last == 'bn3' else [])
            if block.downsample is not None:
                norms.append((block.downsample[1], outside))
            for norm, channels in norms:
                norm.weight.data[channels] = norm.bias.data[channels] = 0
        if layer is backbone.layer1:
            stem = outside if layer[0].downsample is None else torch.randperm(width)[:count]
            backbone.bn1.weight.data[stem] = backbone.bn1.bias.data[stem] = 0


@pytest.mark.parametrize('kind', [VehicleEncoder, InfrastructureEncoder])
@pytest.mark.parametrize('depth', [18, 34, 50])
def test_channels_that_carry_nothing_are_left_out(kind, depth):
    wide = encoder_of(kind, depth, [11, 11, 15, 19])
    silence(wide, DEAD)
    slim = encoder_of(kind, depth, [8, 8, 12, 16], seed=1)
    images = torch.randn(2, 3, 64, 96)
    narrow(slim, wide, images)
    with torch.no_grad():
        ours, theirs = (each.pyramid(each.backbone(images)) for each in (slim, wide))
    for level, expected in zip(ours, theirs, strict=True):
        assert (level - expected).abs().max() < 1e-4 * expected.std()


def test_bottlenecks_keep_what_counts():
    wide = encoder_of(VehicleEncoder, 50, [8, 8, 8, 8])
    slim = encoder_of(VehicleEncoder, 50, [8, 8, 8, 8], seed=1)
    images = torch.randn(2, 3, 64, 96)
    narrow(slim, wide, images)
    with torch.no_grad():
        ours, theirs = (each.pyramid(each.backbone(images)) for each in (slim, wide))
    for level, expected in zip(ours, theirs, strict=True):
        assert torch.equal(level, expected)
    narrow(encoder_of(VehicleEncoder, 50, [7, 8, 6, 5]), wide, images)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'backbone': {'depth': 34, 'widths': [8, 8, 8, 8]}}, 'expected the same depth'),
        ({'backbone': {'depth': 18, 'widths': [8, 9, 8, 8]}}, 'no greater width'),
        ({'fpn_channels': 4}, 'fpn_channels is 4; expected 8'),
    ],
)
def test_what_is_no_narrower_form_is_refused(changes, message):
    wide = encoder_of(VehicleEncoder, 18, [8, 8, 8, 8])
    other = VehicleEncoder(tiny_model(**{'backbone': {'depth': 18, 'widths': [8] * 4}, **changes}))
    with pytest.raises(ValueError, match=message):
        narrow(other, wide, torch.randn(1, 3, 64, 96))
