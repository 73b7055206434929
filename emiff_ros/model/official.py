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

"""Weights of the original EMIFF release, key by key.

:func:`official_key_table` is the explicit table between the release's state-dict keys and the
parts of this network. The roadside pyramid's output convolutions 1 to 3 never affect anything in
the original; they are checked and left out.
"""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from emiff_ros.model.backbone import ResNet
from emiff_ros.model.config import EmiffConfig
from emiff_ros.model.emiff import Emiff
from emiff_ros.model.state_dict import listed, mismatches, shapes_of

_NORM = ('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked')
_CONV = ('weight', 'bias')
_SIDES = {'v': 'vehicle', 'i': 'infrastructure'}


class OfficialWeightsError(ValueError):
    """Official weights that do not fit the network: each offending key is named."""


def load_official_state_dict(model: Emiff, state_dict: Mapping[str, Tensor]) -> None:
    """Load weights with the original release's key names into ``model``.

    Args:
        model: cooperative network with cross attention, channel masking, compression and a
            residual volume neck, as all released models are.
        state_dict: official key -> tensor, without a ``module.`` prefix.

    Raises:
        OfficialWeightsError: if a key is unknown, missing, of the wrong shape or not finite. The
            model is unchanged then.
    """
    problems = mismatches(state_dict, official_shapes(model))
    if problems:
        raise OfficialWeightsError(
            f'official weights do not fit this configuration {listed(problems)}'
        )
    table = official_key_table(model)
    model.load_state_dict({name: state_dict[key] for key, name in table.items()})


def official_key_table(model: Emiff) -> dict[str, str]:
    """Return official key -> key of this package for every tensor of ``model``.

    Raises:
        OfficialWeightsError: for a configuration that the original release has no network for.
    """
    _require_official_architecture(model.config)
    table = dict(_key_pairs(model.config))
    unmapped = sorted(set(model.state_dict()) - set(table.values()))
    if unmapped:
        raise OfficialWeightsError(f'no official key for {unmapped}')
    return table


def official_shapes(model: Emiff) -> dict[str, tuple[int, ...]]:
    """Return official key -> shape of everything that a matching official state dict holds."""
    own = shapes_of(model.state_dict())
    shapes = {key: own[name] for key, name in official_key_table(model).items()}
    return shapes | _unused_shapes(model.config)


def _require_official_architecture(config: EmiffConfig) -> None:
    required = {
        'modality cooperative': config.modality == 'cooperative',
        'cross_attention': config.cross_attention,
        'channel_masking': config.channel_masking is not None,
        'compression': config.compression is not None,
        'a view_fusion without weights': config.view_fusion != 'concatenate',
        'a residual volume neck': config.neck.kind == 'volume' and config.neck.residual,
        'neck.widths that start with fpn_channels': config.neck.widths[0] == config.fpn_channels,
    }
    absent = [rule for rule, holds in required.items() if not holds]
    if absent:
        raise OfficialWeightsError(f'official weights need a network with {", ".join(absent)}')


def _key_pairs(config: EmiffConfig) -> Iterator[tuple[str, str]]:
    for letter, side in _SIDES.items():
        yield from _backbone(config, f'backbone_{letter}', f'{side}_encoder.backbone')
        yield from _pyramid(f'neck_{letter}', f'{side}_encoder.pyramid', 4 if letter == 'v' else 1)
        yield from _alignment(f'dcn_up_conv_{letter}', f'cross_attention.{side}_alignment')
    yield from _compression(config.compression.halvings)
    for scale in range(4):
        yield from _double_conv(
            f'ms_block_inf.conv{scale}', f'cross_attention.multi_scale_block.scales.{scale}'
        )
    yield from _channel_masking()
    yield from _neck(len(config.neck.widths))
    for official, own in (('cls', 'classify'), ('reg', 'regress'), ('dir_cls', 'direction')):
        yield from _tensors(f'bbox_head.conv_{official}', f'head.{own}', _CONV)


def _tensors(official: str, own: str, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name in names:
        yield f'{official}.{name}', f'{own}.{name}'


def _backbone(config: EmiffConfig, official: str, own: str) -> Iterator[tuple[str, str]]:
    """Backbones are named alike in both: torchvision's names."""
    with torch.device('meta'):
        names = ResNet(config.backbone).state_dict()
    for name in names:
        yield f'{official}.{name}', f'{own}.{name}'


def _pyramid(official: str, own: str, levels: int) -> Iterator[tuple[str, str]]:
    for level in range(4):
        yield from _tensors(
            f'{official}.lateral_convs.{level}.conv', f'{own}.lateral.{level}', _CONV
        )
    for level in range(levels):
        yield from _tensors(f'{official}.fpn_convs.{level}.conv', f'{own}.output.{level}', _CONV)


def _conv_norm(official: str, own: str, first: int = 0) -> Iterator[tuple[str, str]]:
    yield from _tensors(f'{official}.{first}', f'{own}.0', _CONV)
    yield from _tensors(f'{official}.{first + 1}', f'{own}.1', _NORM)


def _double_conv(official: str, own: str) -> Iterator[tuple[str, str]]:
    yield from _conv_norm(official, f'{own}.0')
    yield from _conv_norm(official, f'{own}.1', first=3)


def _compression(halvings: int) -> Iterator[tuple[str, str]]:
    official = 'inf_compressor.compressor0'
    sender = 'infrastructure_encoder.compressor'
    yield from _conv_norm(f'{official}.encoder', f'{sender}.encoder')
    for stage in range(halvings):
        yield from _conv_norm(
            f'{official}.downsamples.down{stage}.conv', f'{sender}.halvings.{stage}'
        )
        yield (
            f'{official}.upsamples.up{stage}.upsample.weight',
            f'decompressor.doublings.{stage}.weight',
        )
    yield from _double_conv(f'{official}.decoder', 'decompressor.decoder')


def _alignment(official: str, own: str) -> Iterator[tuple[str, str]]:
    for scale in range(4):
        deformable, branch = f'{official}.dcn{scale}', f'{own}.scales.{scale}'
        yield f'{deformable}.conv.weight', f'{branch}.deformable.weight'
        yield from _tensors(f'{deformable}.conv.conv_offset', f'{branch}.deformable.offset', _CONV)
        yield from _tensors(f'{deformable}.actf.0', f'{branch}.norm', _NORM)
        # Even slots of both upscaling chains hold the bilinear doublings, which have no weights.
        for slot in [0] if scale == 0 else range(1, 2 * scale, 2):
            yield from _double_conv(
                f'{official}.upconv{scale}.{slot}.conv', f'{branch}.upscale.{slot}'
            )


def _channel_masking() -> Iterator[tuple[str, str]]:
    official, own = 'ccmnet', 'channel_masking'
    yield from _tensors(f'{official}.bn', f'{own}.camera_norm', _NORM)
    yield from _tensors(f'{official}.context_mlp.fc1', f'{own}.camera_mlp.0', _CONV)
    yield from _tensors(f'{official}.context_mlp.fc2', f'{own}.camera_mlp.2', _CONV)
    yield from _tensors(f'{official}.context_se.conv_reduce', f'{own}.mask_mlp.0', _CONV)
    yield from _tensors(f'{official}.context_se.conv_expand', f'{own}.mask_mlp.2', _CONV)
    yield from _conv_norm(f'{official}.reduce_conv', f'{own}.reduce')
    yield from _tensors(f'{official}.context_conv', f'{own}.output', _CONV)


def _neck(stages: int) -> Iterator[tuple[str, str]]:
    """Even layers are residual blocks, odd ones single convolutions."""
    for layer in range(0, 2 * stages, 2):
        official, own = f'neck_3d.model.{layer}', f'neck.layers.{layer}'
        for part, branch in (('conv0', 'first'), ('conv1', 'second')):
            yield f'{official}.{part}.conv.weight', f'{own}.{branch}.0.weight'
            yield from _tensors(f'{official}.{part}.bn', f'{own}.{branch}.1', _NORM)
    for layer in range(1, 2 * stages, 2):
        official, own = f'neck_3d.model.{layer}', f'neck.layers.{layer}.0'
        yield f'{official}.conv.weight', f'{own}.0.weight'
        yield from _tensors(f'{official}.bn', f'{own}.1', _NORM)


def _unused_shapes(config: EmiffConfig) -> dict[str, tuple[int, ...]]:
    """Official tensors that never affect a result: checked, then left out."""
    channels = config.fpn_channels
    shapes: dict[str, tuple[int, ...]] = {}
    for level in (1, 2, 3):
        prefix = f'neck_i.fpn_convs.{level}.conv'
        shapes[f'{prefix}.weight'] = (channels, channels, 3, 3)
        shapes[f'{prefix}.bias'] = (channels,)
    return shapes
