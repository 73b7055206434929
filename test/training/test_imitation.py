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

"""A new compression and narrower encoders that imitate the trunk's."""

import logging

from lightning.pytorch.utilities import rank_zero_only
import pytest
import torch
from training.tiny import tiny_model, tiny_set, tiny_training

from emiff_ros.model.emiff import Emiff
from emiff_ros.model.weights import save_weights
from emiff_ros.training import run
from emiff_ros.training.augmentation import AugmentationConfig
from emiff_ros.training.config import ImitationConfig
from emiff_ros.training.imitation import imitate_trunk
from emiff_ros.training.run import RunOptions, train
from emiff_ros.training.variants import derive

BASE = tiny_model(fpn_channels=16)
CPU = torch.device('cpu')


@pytest.fixture
def trunk():
    torch.manual_seed(3)
    return Emiff(BASE).eval()


def pupil(trunk, variant, base=BASE):
    """Return a network with what it shares with the trunk."""
    torch.manual_seed(4)
    model = Emiff(derive(base, variant) if variant else base)
    shared = model.state_dict()
    for name, tensor in trunk.state_dict().items():
        if name in shared and shared[name].shape == tensor.shape:
            shared[name] = tensor
    model.load_state_dict(shared)
    return model


def test_it_misses_less_and_less_and_touches_nothing_else(tmp_path, trunk):
    data, model = tiny_set(tmp_path), pupil(trunk, '4x')
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    first = imitate_trunk(model, trunk, data, ImitationConfig(steps=1, learning_rate=1e-9), CPU)
    last = imitate_trunk(model, trunk, data, ImitationConfig(steps=150), CPU)
    assert last['compression'] < 0.5 * first['compression']
    changed = {
        name
        for name, tensor in model.state_dict().items()
        if not torch.equal(tensor, before[name])
    }
    parts = ('infrastructure_encoder.compressor.', 'decompressor.')
    assert changed and all(name.startswith(parts) for name in changed)


def test_the_same_seed_gives_the_same_weights(tmp_path, trunk):
    data, config = tiny_set(tmp_path), ImitationConfig(steps=5, images=2)
    models = [pupil(trunk, '64x') for _ in range(2)]
    shares = [imitate_trunk(model, trunk, data, config, CPU, seed=7) for model in models]
    assert shares[0] == shares[1] and shares[0]
    for ours, theirs in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_without_compression_there_is_nothing_to_imitate(tmp_path, trunk):
    config = ImitationConfig(steps=1)
    alone = Emiff(derive(BASE, 'vehicle_only'))
    with pytest.raises(ValueError, match='vehicle_only.*set imitation.steps to 0'):
        imitate_trunk(alone, trunk, tiny_set(tmp_path), config, CPU)


def test_what_is_not_new_imitates_nothing(tmp_path, trunk, caplog):
    with caplog.at_level(logging.INFO, 'emiff_ros'):
        config = ImitationConfig(steps=1)
        assert imitate_trunk(Emiff(BASE), trunk, tiny_set(tmp_path), config, CPU) == {}
    assert 'nothing to imitate' in caplog.text


def test_images_of_several_sizes_are_imitated(tmp_path, trunk):
    data = tiny_set(tmp_path, AugmentationConfig(resize_factor=(1.2, 2.6)))
    assert len({data[index].sample.infrastructure.image.shape for index in range(len(data))}) > 1
    config = ImitationConfig(steps=2, images=4)
    assert imitate_trunk(pupil(trunk, '64x'), trunk, data, config, CPU)['compression'] > 0


NARROW = {'backbone': {'depth': 18, 'widths': [4, 8, 12, 16]}, 'fpn_channels': 16}


def test_narrower_encoders_miss_less_and_less_and_nothing_else_changes(tmp_path, trunk):
    data, model = tiny_set(tmp_path), pupil(trunk, None, tiny_model(**NARROW))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    first = imitate_trunk(model, trunk, data, ImitationConfig(steps=1, learning_rate=1e-9), CPU)
    last = imitate_trunk(model, trunk, data, ImitationConfig(steps=60, batch_size=4), CPU)
    assert last['encoders'] < 0.5 * first['encoders']
    changed = {
        name.split('.')[0]
        for name, tensor in model.state_dict().items()
        if not torch.equal(tensor, before[name])
    }
    assert changed == {'vehicle_encoder', 'infrastructure_encoder'}
    compressor = 'infrastructure_encoder.compressor.'
    assert all(
        torch.equal(tensor, before[name])
        for name, tensor in model.state_dict().items()
        if name.startswith(compressor)
    )


def test_encoders_that_the_trunk_lacks_are_refused(tmp_path, trunk):
    alone = Emiff(derive(BASE, 'vehicle_only'))
    model = Emiff(tiny_model(**NARROW))
    with pytest.raises(ValueError, match='vehicle_only, which lacks an encoder that cooperative'):
        imitate_trunk(model, alone, tiny_set(tmp_path), ImitationConfig(steps=1), CPU)


@pytest.mark.parametrize(
    ('model', 'part'),
    [(derive(BASE, '64x'), 'compression'), (tiny_model(**NARROW), 'encoders')],
)
def test_a_run_begins_with_it(tmp_path, trunk, caplog, model, part):
    save_weights(trunk, tmp_path / 'trunk.safetensors')
    training = tiny_training(train_parts=(part,), max_steps=1, imitation={'steps': 3, 'images': 2})
    options = RunOptions(
        tmp_path / 'run',
        accelerator='cpu',
        progress_bar=False,
        initial_weights=tmp_path / 'trunk.safetensors',
    )
    with caplog.at_level(logging.INFO, 'emiff_ros'):
        train(model, training, tiny_set(tmp_path), None, options)
    assert f'{part}: ' in caplog.text and 'what the trunk gives is missed' in caplog.text


def test_a_further_process_leaves_it_to_the_first(tmp_path, trunk, monkeypatch):
    save_weights(trunk, tmp_path / 'trunk.safetensors')
    monkeypatch.setattr(rank_zero_only, 'rank', 1)
    monkeypatch.setattr(run, 'imitate_trunk', lambda *_: pytest.fail('imitated'))
    training = tiny_training(
        train_parts=('compression',), max_steps=1, imitation={'steps': 3, 'images': 2}
    )
    options = RunOptions(
        tmp_path / 'run',
        accelerator='cpu',
        progress_bar=False,
        initial_weights=tmp_path / 'trunk.safetensors',
    )
    assert train(derive(BASE, '64x'), training, tiny_set(tmp_path), None, options).steps == 1


def test_devices_that_are_not_there_are_refused_before_it(tmp_path, trunk, monkeypatch):
    save_weights(trunk, tmp_path / 'trunk.safetensors')
    monkeypatch.setattr(run, 'imitate_trunk', lambda *_: pytest.fail('imitated'))
    training = tiny_training(train_parts=('compression',), imitation={'steps': 3})
    options = RunOptions(
        tmp_path / 'run',
        accelerator='cpu',
        devices=0,
        initial_weights=tmp_path / 'trunk.safetensors',
    )
    with pytest.raises(ValueError, match='0 devices cannot be used'):
        train(derive(BASE, '64x'), training, tiny_set(tmp_path), None, options)
