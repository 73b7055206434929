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

Pickles of others are read here alone, always with ``weights_only=True``.
"""

from collections import Counter
from collections.abc import Mapping
import functools
import hashlib
import itertools
from pathlib import Path
import pickle
import re
from typing import Any, NamedTuple

import torch
from torch import Tensor

from emiff_ros.model.backbone import ResNet
from emiff_ros.model.config import BackboneConfig, EmiffConfig
from emiff_ros.model.emiff import Emiff
from emiff_ros.model.official import load_official_state_dict, official_key_table
from emiff_ros.model.state_dict import listed, mismatches, shapes_of
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
    """Return ``base`` with the architecture that the official weights' names and shapes tell.

    Every size is what most of the tensors that have it say, so that a single damaged one is named
    when the weights are loaded and does not change the architecture.

    Raises:
        CheckpointError: if all keys that tell a size are absent.
    """
    channels = _size(state_dict, r'neck_[vi]\.lateral_convs\.\d\.conv\.(weight|bias)')
    narrow = _size(state_dict, rf'{_COMPRESSOR}\.encoder\.[01]\.\w+')
    squeezed = _size(state_dict, r'ccmnet\.context_se\.conv_reduce\.(weight|bias)')
    stages = _count(state_dict, 'neck_3d.model.') // 2
    widths = [
        _size(state_dict, rf'neck_3d\.model\.{2 * stage}\.conv[01]\.(conv|bn)\.\w+')
        for stage in range(stages)
    ]
    values = base.model_dump(mode='json')
    values |= {
        'modality': 'cooperative',
        'backbone': _infer_backbone(state_dict),
        'fpn_channels': channels,
        'compression': {
            'ratio': channels // narrow,
            'halvings': _count(state_dict, f'{_COMPRESSOR}.downsamples.down'),
        },
        'cross_attention': True,
        'channel_masking': {'squeeze_ratio': channels // squeezed},
        'neck': {
            'kind': 'volume',
            'widths': widths,
            'out_channels': _size(state_dict, r'bbox_head\.conv_\w+\.weight', axis=1),
            'residual': True,
        },
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
        problems = mismatches(kept, shapes_of(expected))
        if problems:
            raise CheckpointError(
                f'{source} is no ResNet-{model.config.backbone.depth} of widths '
                f'{model.config.backbone.widths} {listed(problems)}'
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
            f'{source}: cannot be read as a checkpoint of tensors and plain values: '
            f'{_why_unreadable(source, error)}'
        ) from error
    if isinstance(content, dict) and isinstance(content.get('state_dict'), dict):
        content = content['state_dict']
    if not _is_state_dict(content):
        raise CheckpointError(
            f'{source}: holds no state dict; expected tensors by name, or a dict whose '
            "'state_dict' holds them"
        )
    named = {key.removeprefix('module.'): tensor for key, tensor in content.items()}
    if len(named) != len(content):
        twice = sorted(key for key in named if key in content and f'module.{key}' in content)
        raise CheckpointError(f'{source}: {twice[:8]} are there with and without module.')
    return named


def _why_unreadable(source: Path, error: Exception) -> str:
    """Name the classes and functions that reading the whole pickle would have to run."""
    try:
        foreign = torch.serialization.get_unsafe_globals_in_checkpoint(source)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError):
        foreign = []
    if foreign:
        return (
            f'it holds {", ".join(sorted(foreign))}. If you trust it, save its state dict alone '
            "once: torch.save(checkpoint['state_dict'], ...)"
        )
    reason = re.search(r'WeightsUnpickler error:\s*(.+)', str(error))
    return reason[1] if reason else str(error)


def _is_state_dict(content: Any) -> bool:
    return (
        isinstance(content, dict)
        and bool(content)
        and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in content.items())
    )


def _infer_backbone(state_dict: Mapping[str, Tensor]) -> dict[str, Any]:
    widths = [
        _size(state_dict, rf'backbone_[vi]\.layer{layer}\.\d+\.conv1\.weight')
        for layer in range(1, 5)
    ]
    present = {
        key.removeprefix('backbone_v.') for key in state_dict if key.startswith('backbone_v.')
    }
    depth = min((18, 34, 50, 101), key=lambda depth: len(_resnet_names(depth) ^ present))
    # The release trains with frozen stem, layer1 and batch norms.
    return {'depth': depth, 'widths': widths, 'frozen_parts': 2, 'frozen_batch_norm': True}


@functools.cache
def _resnet_names(depth: int) -> frozenset[str]:
    with torch.device('meta'):
        return frozenset(ResNet(BackboneConfig(depth=depth)).state_dict())


def _size(state_dict: Mapping[str, Tensor], *patterns: str, axis: int = 0) -> int:
    """Return the size along ``axis`` that most tensors have whose whole key fits a pattern."""
    sizes = Counter(
        tensor.shape[axis]
        for key, tensor in state_dict.items()
        if any(re.fullmatch(pattern, key) for pattern in patterns)
        and tensor.ndim > axis
        and tensor.shape[axis]
    )
    if not sizes:
        raise CheckpointError(
            f'the checkpoint has no key like {patterns[0]}; is it an EMIFF (VIMI) checkpoint?'
        )
    return sizes.most_common(1)[0][0]


def _count(state_dict: Mapping[str, Tensor], prefix: str) -> int:
    """Count the consecutive numbers from 0 that follow ``prefix`` in some key."""
    numbers = {
        int(found[1])
        for key in state_dict
        if (found := re.match(rf'{re.escape(prefix)}(\d+)\.', key))
    }
    return next(count for count in itertools.count() if count not in numbers)
