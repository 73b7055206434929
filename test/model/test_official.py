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

"""The table between official keys and ours."""

from model.golden_weights import released_shapes, seeded_weights
import pytest
import torch

from emiff_ros.model import Emiff, EmiffConfig
from emiff_ros.model.official import (
    OfficialWeightsError,
    load_official_state_dict,
    official_key_table,
    official_shapes,
)


@pytest.mark.parametrize('halvings', [1, 4])
def test_table_covers_every_key_and_shape_of_the_release(halvings):
    config = EmiffConfig.from_dict({'compression': {'ratio': 64, 'halvings': halvings}})
    with torch.device('meta'):
        model = Emiff(config)
    assert official_shapes(model) == released_shapes(halvings)


def test_table_is_one_to_one():
    with torch.device('meta'):
        model = Emiff(EmiffConfig())
    table = official_key_table(model)
    assert len(set(table.values())) == len(table) == len(model.state_dict())


def test_only_the_dead_pyramid_outputs_are_left_out():
    """Quirk: the roadside's output convolutions 1 to 3 never affect anything."""
    with torch.device('meta'):
        model = Emiff(EmiffConfig())
    unused = official_shapes(model).keys() - official_key_table(model).keys()
    expected = {f'neck_i.fpn_convs.{k}.conv.{n}' for k in (1, 2, 3) for n in ('weight', 'bias')}
    assert unused == expected


def official_weights(model):
    weights = seeded_weights(official_shapes(model))
    return {key: torch.from_numpy(value) for key, value in weights.items()}


def test_refused_weights_leave_the_model_unchanged(make_model):
    model = make_model()
    weights = official_weights(model)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    del weights['bbox_head.conv_cls.bias']
    weights['surplus.weight'] = torch.zeros(1)
    weights['ccmnet.bn.bias'] = torch.zeros(15)
    weights['bbox_head.conv_reg.bias'][2] = float('nan')
    with pytest.raises(OfficialWeightsError) as error:
        load_official_state_dict(model, weights)
    for line in (
        'unknown key surplus.weight',
        'missing key bbox_head.conv_cls.bias',
        'ccmnet.bn.bias has shape [15]; expected [16]',
        'bbox_head.conv_reg.bias holds a number that is not finite',
    ):
        assert line in str(error.value)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_weights_arrive(make_model):
    model = make_model()
    weights = official_weights(model)
    load_official_state_dict(model, weights)
    assert torch.equal(model.head.direction.weight, weights['bbox_head.conv_dir_cls.weight'])
    assert torch.equal(
        model.cross_attention.infrastructure_alignment.scales[3].upscale[5][1][0].weight,
        weights['dcn_up_conv_i.upconv3.5.conv.3.weight'],
    )


@pytest.mark.parametrize(
    ('changes', 'rule'),
    [
        ({'cross_attention': False}, 'cross_attention'),
        ({'channel_masking': None}, 'channel_masking'),
        ({'compression': None}, 'compression'),
        ({'modality': 'vehicle_only'}, 'modality cooperative'),
        ({'view_fusion': 'concatenate'}, 'view_fusion without weights'),
        ({'neck': {'widths': [8, 16], 'residual': False}}, 'residual volume neck'),
    ],
)
def test_networks_that_the_release_never_had(make_model, changes, rule):
    with pytest.raises(OfficialWeightsError, match=f'need a network with.*{rule}'):
        official_key_table(make_model(**changes))
