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

"""Fine-tuning of compression and attention on a frozen trunk, within a budget of steps."""

import logging

import pytest
import torch
from training.tiny import tiny_model, tiny_set, tiny_training

from emiff_ros.model.emiff import Emiff
from emiff_ros.model.weights import WeightsError, read_weights, save_weights
from emiff_ros.training.parts import belongs_to, freeze_all_but, load_trunk
from emiff_ros.training.run import RunOptions, train
from emiff_ros.training.variants import derive

PARTS = ('compression', 'cross_attention')
BASE = tiny_model(fpn_channels=16)


@pytest.fixture(scope='module')
def trunk(tmp_path_factory):
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp('trunk') / 'trunk.safetensors'
    save_weights(Emiff(BASE), path)
    return path


def test_another_rate_starts_from_the_trunk(trunk):
    model = Emiff(derive(BASE, '256x'))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    load_trunk(model, trunk, PARTS)
    source = Emiff(BASE)
    load_trunk(source, trunk)
    wanted = source.state_dict()
    for name, tensor in model.state_dict().items():
        fits = name in wanted and wanted[name].shape == tensor.shape
        assert torch.equal(tensor, wanted[name] if fits else before[name])
        assert fits or name.startswith(('decompressor.', 'infrastructure_encoder.compressor.'))


def test_one_side_alone_starts_from_the_trunk(trunk):
    model = Emiff(derive(BASE, 'vehicle_only'))
    load_trunk(model, trunk)
    name = 'vehicle_encoder.backbone.conv1.weight'
    assert torch.equal(model.state_dict()[name], read_weights(trunk).tensors[name])


def test_a_trunk_that_does_not_fit_is_refused(trunk):
    other = Emiff(tiny_model(fpn_channels=16, neck={'kind': 'folded', 'widths': [8]}))
    with pytest.raises(WeightsError, match=r'does not fit the network: \d+ tensors.*neck'):
        load_trunk(other, trunk, PARTS)
    with pytest.raises(WeightsError, match='infrastructure_encoder.compressor'):
        load_trunk(Emiff(derive(BASE, '256x')), trunk)


def test_parts_that_the_network_lacks_are_refused():
    with pytest.raises(ValueError, match="'compression'.*vehicle_only.*none of them"):
        freeze_all_but(Emiff(derive(BASE, 'vehicle_only')), ('compression',))


def test_only_the_named_parts_learn_within_the_budget(tmp_path, trunk):
    logging.getLogger('lightning.pytorch').setLevel(logging.ERROR)
    data = tiny_set(tmp_path)
    training = tiny_training(train_parts=PARTS, max_steps=5, loss={'image_weight': 0.2})
    options = RunOptions(
        tmp_path / 'run', accelerator='cpu', progress_bar=False, initial_weights=trunk
    )
    model = derive(BASE, '256x')
    result = train(model, training, data, data, options)
    assert result.steps == 5 and result.best_ap is not None
    start = Emiff(model)
    load_trunk(start, trunk, PARTS)
    after = result.module.model.state_dict()
    # The moving average of what does not move differs by rounding.
    moved = {
        name
        for name, tensor in start.state_dict().items()
        if not torch.allclose(tensor, after[name], rtol=0.0, atol=2e-6)
    }
    assert moved and all(belongs_to(name, PARTS) for name in moved)
    assert any(name.startswith('cross_attention.') for name in moved)
    assert any(name.startswith('decompressor.') for name in moved)


def test_parts_without_a_trunk_are_refused(tmp_path):
    training = tiny_training(train_parts=PARTS)
    options = RunOptions(tmp_path / 'run', accelerator='cpu', progress_bar=False)
    with pytest.raises(ValueError, match='needs trained weights to start from'):
        train(BASE, training, tiny_set(tmp_path), None, options)


def test_parts_go_on_without_the_trunk(tmp_path, trunk, caplog):
    """The checkpoint of a run holds all its weights."""
    data, model = tiny_set(tmp_path), derive(BASE, '256x')
    options = RunOptions(
        tmp_path / 'run', accelerator='cpu', progress_bar=False, initial_weights=trunk
    )
    with caplog.at_level(logging.INFO, 'emiff_ros'):
        train(model, tiny_training(train_parts=PARTS, epochs=1), data, None, options)
    assert 'tensors of compression start at random' in caplog.text
    options = RunOptions(
        tmp_path / 'run',
        accelerator='cpu',
        progress_bar=False,
        resume=tmp_path / 'run' / 'last.ckpt',
    )
    training = tiny_training(train_parts=PARTS, epochs=2)
    assert train(model, training, data, None, options).steps == 4
