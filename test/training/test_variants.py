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

"""Variants of one base configuration: modality, compression rate, ablation."""

from pathlib import Path

import pytest
import torch

from emiff_ros.model.config import EmiffConfig
from emiff_ros.model.emiff import Emiff
from emiff_ros.training.variants import RATES, VARIANTS, derive, with_rate

CONFIGS = Path(__file__).parents[2] / 'config' / 'model'
PAPER = EmiffConfig.from_yaml(CONFIGS / 'emiff_r50.yaml')
SMALL = EmiffConfig.from_yaml(CONFIGS / 'emiff_small.yaml')


def test_rates_of_the_paper_have_its_bytes():
    """8,355,840 bytes of float32 at 1x, 32,640 at 256x, 2,040 at 4096x."""
    counts = {}
    for rate in RATES[:-1]:
        channels, height, width = with_rate(PAPER, rate).transmitted_shape
        counts[rate] = 4 * channels * height * width
    assert counts == {rate: 8_355_840 // rate for rate in RATES[:-1]}
    # The paper's 510 bytes are nominal: 136 rows are not a multiple of 16.
    assert with_rate(PAPER, 16384).transmitted_shape == (1, 9, 15)
    assert with_rate(PAPER, 256) == PAPER


@pytest.mark.parametrize('rate', RATES)
def test_every_rate_fits_another_number_of_channels(rate):
    compression = with_rate(SMALL, rate).compression
    assert compression.ratio * 4**compression.halvings == rate
    assert SMALL.fpn_channels % compression.ratio == 0
    eight = SMALL.model_copy(update={'fpn_channels': 8})
    assert with_rate(eight, rate).compression.ratio <= 4


@pytest.mark.parametrize('rate', [0, 2, 100])
def test_other_rates_are_refused(rate):
    with pytest.raises(ValueError, match=f'rate is {rate}; expected a power of 4'):
        with_rate(PAPER, rate)


@pytest.mark.parametrize('name', sorted(VARIANTS))
@pytest.mark.parametrize('base', [PAPER, SMALL], ids=['paper', 'small'])
def test_a_variant_changes_nothing_but_what_it_names(base, name):
    variant = derive(base, name)
    changed = {
        key for key, value in variant.model_dump().items() if value != base.model_dump()[key]
    }
    allowed = {'modality', 'compression', 'cross_attention', 'channel_masking', 'view_fusion'}
    assert changed <= allowed
    assert changed or name in ('256x', '64x', '16x', 'mean', 'visibility_weighted')


def test_modalities():
    assert derive(SMALL, 'early').modality == 'early'
    assert not derive(SMALL, 'vehicle_only').has_infrastructure
    assert not derive(SMALL, 'infrastructure_only').has_vehicle
    with pytest.raises(ValueError, match="no variant 'middle'; choose one of"):
        derive(SMALL, 'middle')
    with pytest.raises(ValueError, match='modality early; expected cooperative'):
        derive(derive(SMALL, 'early'), '4x')


def test_1x_sends_the_whole_feature_through_the_coder():
    config = derive(SMALL, '1x')
    model = Emiff(config).eval()
    with torch.no_grad():
        feature = model.encode_infrastructure(torch.zeros(1, 3, *config.padded_size))
        decoded = model.decode_infrastructure(feature)
    assert feature.shape[1:] == config.transmitted_shape == (16, 88, 160)
    assert decoded.shape == feature.shape
