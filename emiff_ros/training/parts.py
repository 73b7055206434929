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

"""Training parts of a network on a frozen trunk."""

from collections.abc import Sequence
import logging
from pathlib import Path
from typing import Literal

from torch import nn

from emiff_ros.model.emiff import Emiff
from emiff_ros.model.weights import WeightsError, read_weights

Part = Literal[
    'encoders', 'compression', 'cross_attention', 'channel_masking', 'view_fusion', 'neck', 'head'
]

_logger = logging.getLogger(__name__)

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)

_PREFIXES: dict[str, tuple[str, ...]] = {
    'encoders': (
        'vehicle_encoder.',
        'infrastructure_encoder.backbone.',
        'infrastructure_encoder.pyramid.',
    ),
    'compression': ('infrastructure_encoder.compressor.', 'decompressor.'),
    'cross_attention': ('cross_attention.',),
    'channel_masking': ('channel_masking.',),
    'view_fusion': ('view_fusion.',),
    'neck': ('neck.',),
    'head': ('head.',),
}


def belongs_to(name: str, parts: Sequence[Part]) -> bool:
    """Tell whether a parameter, buffer or module of that name is in one of the parts."""
    return any(f'{name}.'.startswith(_PREFIXES[part]) for part in parts)


def freeze_all_but(model: Emiff, parts: Sequence[Part]) -> None:
    """Take everything outside the parts out of the training.

    Raises:
        ValueError: if nothing is left to train, because the network has none of the parts.
    """
    trained = 0
    for name, parameter in model.named_parameters():
        keep = belongs_to(name, parts)
        parameter.requires_grad_(keep and parameter.requires_grad)
        trained += parameter.requires_grad
    if not trained:
        raise ValueError(
            f'train_parts is {list(parts)} and the network (modality {model.config.modality}) has '
            'none of them; name parts that it has'
        )


def keep_frozen_norms(model: Emiff) -> None:
    """Put the batch norms without trained parameters into evaluation mode.

    Each step needs it: whoever switches the whole network to training mode switches them too.
    """
    for module in model.modules():
        if isinstance(module, NORMS) and not any(p.requires_grad for p in module.parameters()):
            module.eval()


def load_trunk(model: Emiff, path: str | Path, parts: Sequence[Part] = ()) -> None:
    """Start from trained weights.

    Args:
        model: receives them.
        path: whole network's file. Tensors that ``model`` does not have are left out.
        parts: where tensors may be missing or have another shape; those start at random.

    Raises:
        WeightsError: if the file is missing or damaged, or a tensor outside the parts does not
            fit.
    """
    tensors = read_weights(path).tensors
    expected = model.state_dict()
    fitting = {
        name: tensors[name]
        for name, own in expected.items()
        if name in tensors and tensors[name].shape == own.shape
    }
    problems = [name for name in expected if name not in fitting and not belongs_to(name, parts)]
    if problems:
        raise WeightsError(
            f'{path} does not fit the network: {len(problems)} tensors are missing or have '
            f'another shape ({", ".join(problems[:4])}); start from weights of the same base '
            'configuration, or name the parts that differ in train_parts'
        )
    new = [name for name in expected if name not in fitting]
    if new:
        concerned = [part for part in parts if any(belongs_to(name, (part,)) for name in new)]
        _logger.info('%d tensors of %s start at random', len(new), ', '.join(concerned))
    model.load_state_dict(fitting, strict=False)
