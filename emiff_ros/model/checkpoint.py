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

"""Read foreign checkpoints: the original EMIFF release and ResNets in torchvision's naming.

This is the only place that reads pickles, always with ``weights_only=True``.
"""

from collections.abc import Mapping
import hashlib
from pathlib import Path
import pickle
from typing import Any, NamedTuple

import torch
from torch import Tensor

from emiff_ros.model.config import EmiffConfig
from emiff_ros.model.emiff import Emiff
from emiff_ros.model.official import load_official_state_dict, official_key_table
from emiff_ros.model.weights import save_weights

_COMPRESSOR = 'inf_compressor.compressor0'


class CheckpointError(ValueError):
    """A checkpoint that cannot be imported: file, reason and remedy."""


class ImportReport(NamedTuple):
    """What :func:`import_checkpoint` did.

    Attributes:
        config: configuration that was inferred and written.
        fingerprint: fingerprint of the written network.
        imported: number of tensors that were written.
        left_out: official keys that never affect a result.
        parameters: number of trainable numbers.
    """

    config: EmiffConfig
    fingerprint: str
    imported: int
    left_out: tuple[str, ...]
    parameters: int


def import_checkpoint(
    source: str | Path, target: str | Path, config: EmiffConfig | None = None
) -> ImportReport:
    """Turn a checkpoint of the original release into safetensors with a configuration beside it.

    Depth, channels, compression and neck follow from the weights' shapes; grid, anchors and image
    size come from ``config``. The box convention becomes ``width_first``: the release was trained
    on boxes whose first size is the width.

    Args:
        source: checkpoint: a state dict or a dict that holds one, with or without ``module.``
            before each key.
        target: ends in ``.safetensors``.
        config: grid, anchors and image size; by default those of the released model.

    Raises:
        CheckpointError: if the file is missing, is no checkpoint or lacks the keys that tell the
            architecture.
        OfficialWeightsError: if a key is unknown, missing, mis-shaped or not finite.
    """
    state_dict = read_state_dict(source)
    config = infer_official_config(state_dict, config or EmiffConfig())
    model = Emiff(config)
    load_official_state_dict(model, state_dict)
    digest = hashlib.sha256(Path(source).read_bytes()).hexdigest()
    fingerprint = save_weights(
        model.eval(), target, {'source': Path(source).name, 'source_sha256': digest}
    )
    table = official_key_table(model)
    return ImportReport(
        config=config,
        fingerprint=fingerprint,
        imported=len(table),
        left_out=tuple(sorted(set(state_dict) - set(table))),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
    )


def infer_official_config(state_dict: Mapping[str, Tensor], base: EmiffConfig) -> EmiffConfig:
    """Return ``base`` with the architecture that the official weights' shapes tell.

    Raises:
        CheckpointError: if a key that tells the architecture is absent.
    """
    channels = _shape(state_dict, 'neck_v.lateral_convs.0.conv.weight')[0]
    narrow = _shape(state_dict, f'{_COMPRESSOR}.encoder.0.weight')[0]
    squeezed = _shape(state_dict, 'ccmnet.context_se.conv_reduce.weight')[0]
    halvings = _count(state_dict, f'{_COMPRESSOR}.downsamples.down{{}}.conv.0.weight')
    blocks = _count(state_dict, 'neck_3d.model.{}.conv0.conv.weight', step=2)
    widths = [
        _shape(state_dict, f'neck_3d.model.{2 * stage}.conv0.conv.weight')[0]
        for stage in range(blocks)
    ]
    out = _shape(state_dict, f'neck_3d.model.{2 * blocks - 1}.conv.weight')[0]
    values = base.model_dump(mode='json')
    values |= {
        'modality': 'cooperative',
        'backbone': _infer_backbone(state_dict),
        'fpn_channels': channels,
        'compression': {'ratio': channels // narrow, 'halvings': halvings},
        'cross_attention': True,
        'channel_masking': {'squeeze_ratio': channels // squeezed},
        'neck': {'kind': 'volume', 'widths': widths, 'out_channels': out, 'residual': True},
        'box_convention': 'width_first',
    }
    return EmiffConfig.from_dict(values, 'configuration inferred from the checkpoint')


def load_backbone_weights(model: Emiff, source: str | Path) -> None:
    """Load ResNet weights in torchvision's naming into every backbone of ``model``.

    The classifier (``fc``) is left out.

    Raises:
        CheckpointError: if the file cannot be read or a key is unknown, missing or mis-shaped.
    """
    state_dict = read_state_dict(source)
    encoders = [model.vehicle_encoder, model.infrastructure_encoder]
    for backbone in (encoder.backbone for encoder in encoders if encoder is not None):
        expected = backbone.state_dict()
        kept = {key: tensor for key, tensor in state_dict.items() if not key.startswith('fc.')}
        # Files of torchvision before 0.3 have no batch counters.
        counters = {k: v for k, v in expected.items() if k.endswith('num_batches_tracked')}
        kept = counters | kept
        problems = [f'unknown key {key}' for key in kept if key not in expected]
        problems += [f'missing key {key}' for key in expected if key not in kept]
        problems += [
            f'{key} has shape {list(kept[key].shape)}; expected {list(expected[key].shape)}'
            for key in expected.keys() & kept.keys()
            if kept[key].shape != expected[key].shape
        ]
        if problems:
            raise CheckpointError(
                f'{source} is no ResNet-{model.config.backbone.depth} of widths '
                f'{model.config.backbone.widths}: ' + '; '.join(sorted(problems)[:8])
            )
        backbone.load_state_dict(kept)


def read_state_dict(source: str | Path) -> dict[str, Tensor]:
    """Read the tensors of a checkpoint, without running any code that it may hold.

    Raises:
        CheckpointError: if the file is missing, needs more than tensors and plain values to be
            read, or holds no state dict.
    """
    source = Path(source)
    try:
        content = torch.load(source, map_location='cpu', weights_only=True)
    except FileNotFoundError as error:
        raise CheckpointError(f'{source}: no such checkpoint') from error
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise CheckpointError(
            f'{source}: cannot be read as a checkpoint of tensors and plain values: {error}'
        ) from error
    if isinstance(content, dict) and isinstance(content.get('state_dict'), dict):
        content = content['state_dict']
    if not _is_state_dict(content):
        raise CheckpointError(
            f'{source}: holds no state dict; expected tensors by name, or a dict whose '
            "'state_dict' holds them"
        )
    return {key.removeprefix('module.'): tensor for key, tensor in content.items()}


def _is_state_dict(content: Any) -> bool:
    return (
        isinstance(content, dict)
        and bool(content)
        and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in content.items())
    )


def _infer_backbone(state_dict: Mapping[str, Tensor]) -> dict[str, Any]:
    widths = [
        _shape(state_dict, f'backbone_v.layer{layer}.0.conv1.weight')[0] for layer in range(1, 5)
    ]
    bottleneck = 'backbone_v.layer1.0.conv3.weight' in state_dict
    blocks = _count(state_dict, 'backbone_v.layer3.{}.conv1.weight')
    depth = {(False, 2): 18, (False, 6): 34, (True, 6): 50, (True, 23): 101}.get(
        (bottleneck, blocks)
    )
    if depth is None:
        raise CheckpointError(
            f'backbone_v.layer3 has {blocks} blocks; expected those of ResNet-18, 34, 50 or 101'
        )
    # The release trains with frozen stem, layer1 and batch norms.
    return {'depth': depth, 'widths': widths, 'frozen_parts': 2, 'frozen_batch_norm': True}


def _shape(state_dict: Mapping[str, Tensor], key: str) -> tuple[int, ...]:
    if key not in state_dict:
        raise CheckpointError(f'the checkpoint lacks {key}; is it an EMIFF (VIMI) checkpoint?')
    return tuple(state_dict[key].shape)


def _count(state_dict: Mapping[str, Tensor], pattern: str, step: int = 1) -> int:
    """Count the consecutive indices, from 0 by ``step``, for which ``pattern`` is a key."""
    count = 0
    while pattern.format(count * step) in state_dict:
        count += 1
    return count
