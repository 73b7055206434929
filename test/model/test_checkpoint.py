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

"""Importing checkpoints of the original release and of torchvision."""

from model.golden_cases import GOLDEN, SMALL
from model.golden_weights import seeded_weights
import numpy as np
import pytest
import torch

from emiff_ros.geometry import box_corners
from emiff_ros.model import Emiff, EmiffConfig
from emiff_ros.model.checkpoint import (
    CheckpointError,
    import_checkpoint,
    infer_official_config,
    load_backbone_weights,
    read_state_dict,
)
from emiff_ros.model.official import (
    OfficialWeightsError,
    load_official_state_dict,
    official_shapes,
)
from emiff_ros.model.weights import load_weights

SLIM = {
    'backbone': {'depth': 50, 'widths': [4, 4, 8, 8]},
    'compression': {'ratio': 4, 'halvings': 2},
    'channel_masking': {'squeeze_ratio': 2},
}


@pytest.fixture
def state_dict(make_model):
    weights = seeded_weights(official_shapes(make_model(**SLIM)))
    return {key: torch.from_numpy(value) for key, value in weights.items()}


@pytest.fixture
def base(tiny_values):
    return EmiffConfig.from_dict(tiny_values)


def save(content, tmp_path):
    torch.save(content, tmp_path / 'official.pth')
    return tmp_path / 'official.pth'


@pytest.mark.parametrize('prefix', ['', 'module.'])
@pytest.mark.parametrize('wrapped', [True, False])
def test_import(state_dict, base, tmp_path, prefix, wrapped):
    named = {prefix + key: tensor for key, tensor in state_dict.items()}
    source = save({'meta': {'epoch': 12}, 'state_dict': named} if wrapped else named, tmp_path)
    report = import_checkpoint(source, tmp_path / 'ours.safetensors', base)
    loaded = load_weights(tmp_path / 'ours.safetensors')
    assert loaded.fingerprint == report.fingerprint
    assert loaded.config == report.config
    assert report.imported + len(report.left_out) == len(state_dict)
    assert len(report.left_out) == 6
    assert torch.equal(loaded.model.head.classify.bias, state_dict['bbox_head.conv_cls.bias'])


def test_architecture_follows_from_the_shapes(state_dict, base):
    config = infer_official_config(state_dict, base)
    assert config.backbone.depth == 50
    assert config.backbone.widths == (4, 4, 8, 8)
    assert config.fpn_channels == 8
    assert config.compression.model_dump() == {'ratio': 4, 'halvings': 2}
    assert config.channel_masking.squeeze_ratio == 2
    assert config.neck.widths == (8, 16)
    assert config.voxels == base.voxels


def test_convention_of_the_release_is_recorded(state_dict, base):
    assert infer_official_config(state_dict, base).box_convention == 'width_first'


def test_unknown_key_is_refused(state_dict, base, tmp_path):
    source = save(state_dict | {'extra': torch.zeros(1)}, tmp_path)
    with pytest.raises(OfficialWeightsError, match=r'\(1 problem\):\nunknown key extra$'):
        import_checkpoint(source, tmp_path / 'ours.safetensors', base)
    assert not (tmp_path / 'ours.safetensors').exists()


TELLING = [
    'neck_v.lateral_convs.0.conv.weight',
    'inf_compressor.compressor0.encoder.0.weight',
    'inf_compressor.compressor0.downsamples.down0.conv.0.weight',
    'inf_compressor.compressor0.upsamples.up0.upsample.weight',
    'ccmnet.context_se.conv_reduce.weight',
    'backbone_v.layer1.0.conv1.weight',
    'backbone_v.layer3.1.conv1.weight',
    'neck_3d.model.0.conv0.conv.weight',
    'neck_3d.model.2.conv0.conv.weight',
    'neck_3d.model.3.conv.weight',
    'bbox_head.conv_cls.weight',
    'neck_i.fpn_convs.2.conv.bias',
]


def refusal(state_dict, base):
    """Return what is said about weights for the network that they tell."""
    with torch.device('meta'):
        model = Emiff(infer_official_config(state_dict, base))
    with pytest.raises(OfficialWeightsError) as error:
        load_official_state_dict(model, state_dict)
    return str(error.value)


@pytest.mark.parametrize('key', TELLING)
def test_one_missing_or_misshaped_key_is_named(make_model, base, key):
    """Also where the architecture is read from that very key."""
    weights = seeded_weights(official_shapes(make_model()))
    state_dict = {name: torch.from_numpy(value) for name, value in weights.items()}
    tensor = state_dict.pop(key)
    assert refusal(state_dict, base).endswith(f'(1 problem):\nmissing key {key}')
    state_dict[key] = torch.cat([tensor, tensor])
    assert f'(1 problem):\n{key} has shape' in refusal(state_dict, base)


def test_boxes_of_imported_weights_have_their_length_along_the_heading(tmp_path):
    """Quirk: the release's first size is the width and its yaw is turned by -90 degrees."""
    official = {key: torch.from_numpy(value) for key, value in SMALL.official_weights().items()}
    target = tmp_path / 'ours.safetensors'
    import_checkpoint(save({'state_dict': official}, tmp_path), target, SMALL.config())
    model = load_weights(target).model
    assert model.config.box_convention == 'width_first'
    boxes = model.decode(SMALL.run(model))[0].boxes.numpy()
    with np.load(GOLDEN / 'golden_small.npz') as golden:
        recorded = golden['det0/boxes']
    assert np.abs(boxes[:, [0, 1, 2, 4, 3, 5]] - recorded[:, :6]).max() < 0.01
    turn = boxes[:, 6] - recorded[:, 6] - np.pi / 2
    assert np.abs((turn + np.pi) % (2 * np.pi) - np.pi).max() < 1e-3
    # The same bodies in space: corner sets agree.
    for mine, other in zip(box_corners(boxes), box_corners(recorded), strict=True):
        distances = np.linalg.norm(mine[:, None] - other[None], axis=-1)
        assert distances.min(axis=1).max() < 0.02


def test_other_checkpoints_are_refused(tmp_path):
    source = save({'a.weight': torch.zeros(1)}, tmp_path)
    with pytest.raises(CheckpointError, match='no key like neck_.*; is it an EMIFF'):
        import_checkpoint(source, tmp_path / 'ours.safetensors')


class Surprise:
    """Something that only arbitrary code could rebuild."""


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ({'model': Surprise()}, 'cannot be read as a checkpoint of tensors'),
        ({'epoch': 3}, 'holds no state dict'),
        ({}, 'holds no state dict'),
    ],
)
def test_files_without_weights(tmp_path, content, message):
    with pytest.raises(CheckpointError, match=message):
        read_state_dict(save(content, tmp_path))


def test_foreign_classes_are_named_and_not_run(tmp_path):
    with pytest.raises(CheckpointError, match=r'it holds .*Surprise.*save its state dict alone'):
        read_state_dict(save({'state_dict': {'a': Surprise()}}, tmp_path))


def test_key_with_and_without_prefix_is_refused(tmp_path):
    content = {'a': torch.zeros(1), 'module.a': torch.ones(1)}
    with pytest.raises(CheckpointError, match=r"\['a'\] are there with and without module"):
        read_state_dict(save(content, tmp_path))


def test_missing_and_broken_files(tmp_path):
    with pytest.raises(CheckpointError, match='absent.pth: no such checkpoint'):
        read_state_dict(tmp_path / 'absent.pth')
    (tmp_path / 'broken.pth').write_bytes(b'no checkpoint')
    with pytest.raises(CheckpointError, match='cannot be read'):
        read_state_dict(tmp_path / 'broken.pth')


def test_torchvision_resnet(make_model, tmp_path):
    donor, model = make_model(), make_model()
    weights = {
        key: torch.randn_like(tensor)
        for key, tensor in donor.vehicle_encoder.backbone.state_dict().items()
        if not key.endswith('num_batches_tracked')
    }
    head = {'fc.weight': torch.zeros(1000, 16), 'fc.bias': torch.zeros(1000)}
    load_backbone_weights(model, save(weights | head, tmp_path))
    for encoder in (model.vehicle_encoder, model.infrastructure_encoder):
        assert torch.equal(encoder.backbone.conv1.weight, weights['conv1.weight'])


def test_other_resnet_is_refused(make_model, tmp_path):
    model = make_model()
    weights = make_model(**SLIM).vehicle_encoder.backbone.state_dict()
    with pytest.raises(CheckpointError, match='is no ResNet-18 of widths'):
        load_backbone_weights(model, save(dict(weights), tmp_path))


def test_resnet_with_nan_is_refused(make_model, tmp_path):
    model = make_model()
    weights = dict(make_model().vehicle_encoder.backbone.state_dict())
    weights['layer1.0.bn1.bias'] = torch.full_like(weights['layer1.0.bn1.bias'], float('nan'))
    with pytest.raises(CheckpointError, match=r'layer1.0.bn1.bias holds a number that is not'):
        load_backbone_weights(model, save(weights, tmp_path))
