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

"""The verb import-checkpoint."""

from model.golden_cases import SMALL
from model.golden_weights import released_shapes, seeded_weights
import pytest
import torch

from emiff_ros.cli import main
from emiff_ros.model import EmiffConfig
from emiff_ros.model.weights import load_infrastructure_encoder, load_vehicle_model, load_weights


def checkpoint(path, weights):
    """Write what the original's training loop writes."""
    named = {f'module.{key}': torch.from_numpy(value) for key, value in weights.items()}
    torch.save({'meta': {'epoch': 12, 'CLASSES': ['Car']}, 'state_dict': named}, path)
    return path


def test_released_checkpoint(tmp_path, capsys):
    source = checkpoint(tmp_path / 'vimi.pth', seeded_weights(released_shapes(1)))
    target = tmp_path / 'emiff_r50.safetensors'
    assert main(['import-checkpoint', str(source), str(target)]) == 0
    printed = capsys.readouterr().out
    for part in (
        f'read {source}: 1095 tensors',
        'found ResNet-50, 64 channels, compression ratio 64 with 1 halvings',
        'took from the released model: images 960x540, grid 248x288x12',
        'left out, for they never affect a result: neck_i.fpn_convs.1.conv.bias',
        'recorded box_convention: width_first',
        f'wrote {target} (1089 tensors, 57,0',
    ):
        assert part in printed
    sender, vehicle = load_infrastructure_encoder(target), load_vehicle_model(target)
    assert sender.fingerprint in printed
    expected = EmiffConfig(
        box_convention='width_first',
        backbone={'depth': 50, 'frozen_parts': 2, 'frozen_batch_norm': True},
    )
    assert sender.config == vehicle.config == expected


def test_grid_of_another_training(tmp_path, capsys):
    source = checkpoint(tmp_path / 'small.pth', SMALL.official_weights())
    SMALL.config().to_yaml(tmp_path / 'grid.yaml')
    target = tmp_path / 'small.safetensors'
    options = ['--config', str(tmp_path / 'grid.yaml')]
    assert main(['import-checkpoint', str(source), str(target), *options]) == 0
    assert 'images 256x150, grid 40x48x12' in capsys.readouterr().out
    assert load_weights(target).config.voxels == SMALL.config().voxels


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        (lambda w: w.update(surplus=w['ccmnet.bn.bias']), 'unknown key surplus'),
        (lambda w: w.pop('ccmnet.bn.bias'), 'missing key ccmnet.bn.bias'),
        (
            lambda w: w.update({'ccmnet.bn.bias': w['ccmnet.bn.bias'][:3]}),
            'ccmnet.bn.bias has shape [3]; expected [16]',
        ),
    ],
)
def test_refusals_name_the_key(tmp_path, capsys, change, said):
    weights = SMALL.official_weights()
    change(weights)
    source = checkpoint(tmp_path / 'small.pth', weights)
    target = tmp_path / 'small.safetensors'
    assert main(['import-checkpoint', str(source), str(target)]) == 1
    assert said in capsys.readouterr().err
    assert not target.exists()
