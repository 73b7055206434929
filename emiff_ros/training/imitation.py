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

"""What is new in a network first learns to give what the trunk's own parts give.

No part of EMIFF. With the detection loss alone a fresh part spends most of a small budget on
finding out what a feature map looks like. The trunk's maps say so directly, and nothing behind
them has to run for that (knowledge distillation, Hinton et al., arXiv 1503.02531).
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import count
import logging

import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from emiff_ros.model.emiff import Emiff
from emiff_ros.model.encoders import InfrastructureEncoder
from emiff_ros.spread import evenly_spread
from emiff_ros.training.batch import Batch, collate
from emiff_ros.training.config import ImitationConfig
from emiff_ros.training.dataset import CooperativeDataset
from emiff_ros.training.narrowing import Encoder, narrow
from emiff_ros.training.parts import Part
from emiff_ros.training.sampler import SampleKey

_SIDES: dict[str, Callable[[Batch], Tensor]] = {
    'vehicle_encoder': lambda batch: batch.vehicle_images,
    'infrastructure_encoder': lambda batch: batch.infrastructure_images,
}
"""The images of each encoder."""

_LOOKED_AT = 16
"""Pairs whose images tell which channels of the trunk's backbones count."""

_logger = logging.getLogger(__name__)


def imitate_trunk(
    model: Emiff,
    trunk: Emiff,
    data: CooperativeDataset,
    config: ImitationConfig,
    device: torch.device,
    seed: int = 0,
) -> dict[Part, float]:
    """Train what ``model`` does not share with the trunk, in place: encoders, then compression.

    Encoders must be narrower forms of the trunk's. They learn its pyramids, and what its own
    compression makes of the roadside one, from randomly changed images; a compression learns the
    decoded feature from pyramid levels that are kept in memory.

    Args:
        model: with the trunk's weights where both have the same tensors.
        trunk: whose maps are imitated.
        data: the images.
        config: of the imitation.
        device: where it is computed; ``model`` comes back to where it was.
        seed: of the order of the images.

    Returns:
        For each new part the share of the maps' variance that the last tenth of the steps missed.

    Raises:
        ValueError: if encoders are no narrower forms of the trunk's, or it lacks one of them; if
            the network has the trunk's encoders and compresses nothing.
    """
    home = next(model.parameters()).device
    trunk = trunk.to(device).eval().requires_grad_(False)
    missed: dict[Part, float] = {}
    for part, imitate in _imitations(model, trunk).items():
        missed[part] = imitate(model.to(device), trunk, data, config, seed)
        _logger.info('%s: %.1f %% of what the trunk gives is missed', part, 100 * missed[part])
    if not missed and model.decompressor is None:
        raise ValueError(
            f'the network (modality {model.config.modality}) compresses no roadside feature and '
            "has the trunk's encoders, so there is nothing to imitate: set imitation.steps to 0"
        )
    if not missed:
        _logger.info('encoders and compression are those of the weights: nothing to imitate')
    model.to(home)
    return missed


def _imitations(model: Emiff, trunk: Emiff) -> dict[Part, Callable[..., float]]:
    """Return what is to be done for each part that is not as the trunk's is."""
    ours, theirs = model.config, trunk.config
    imitations: dict[Part, Callable[..., float]] = {}
    backbones = [(c.backbone.depth, c.backbone.widths, c.fpn_channels) for c in (ours, theirs)]
    if backbones[0] != backbones[1]:
        imitations['encoders'] = _imitate_encoders
    if model.decompressor is not None and ours.compression != theirs.compression:
        imitations['compression'] = _imitate_compression
    return imitations


def _learn(
    parameters: Iterable[nn.Parameter],
    loss_of_step: Callable[[Tensor], Tensor],
    examples: int,
    title: str,
    config: ImitationConfig,
    seed: int,
) -> float:
    """Take the steps; return what the last tenth of them missed.

    Args:
        parameters: that learn.
        loss_of_step: from the numbers of a step's examples to their share of variance missed.
        examples: how many there are.
        title: shown beside the progress bar.
        config: steps, batch size and learning rate.
        seed: of the order of the examples.
    """
    optimizer = torch.optim.Adam(parameters, config.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.steps)
    generator = torch.Generator().manual_seed(seed)
    missed = []
    for _ in tqdm(range(config.steps), desc=title, unit='step'):
        loss = loss_of_step(torch.randint(examples, (config.batch_size,), generator=generator))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        missed.append(loss.item())
    last = missed[-max(1, len(missed) // 10) :]
    return sum(last) / len(last)


def _missed(ours: Tensor, target: Tensor) -> Tensor:
    return (ours - target).square().mean() / target.var()


# Encoders.


def _imitate_encoders(
    model: Emiff, trunk: Emiff, data: CooperativeDataset, config: ImitationConfig, seed: int
) -> float:
    sides = [
        (getattr(model, name), getattr(trunk, name), images)
        for name, images in _SIDES.items()
        if getattr(model, name) is not None
    ]
    if any(wider is None for _, wider, _ in sides):
        raise ValueError(
            f'the weights are those of a network with modality {trunk.config.modality}, which '
            f'lacks an encoder that {model.config.modality} has; start from weights with both'
        )
    device = next(trunk.parameters()).device
    some = evenly_spread(range(len(data)), _LOOKED_AT)
    looked_at = collate([data[index] for index in some], trunk.config).to(device)
    for encoder, wider, images in sides:
        narrow(encoder, wider, images(looked_at))
    learning = nn.ModuleList(
        part for encoder, _, _ in sides for part in (encoder.backbone, encoder.pyramid)
    ).train()
    changes = count()  # never the same random changes of a pair twice

    def loss_of_step(chosen: Tensor) -> Tensor:
        keys = [SampleKey(int(index), next(changes)) for index in chosen]
        batch = collate([data[key] for key in keys], trunk.config).to(device)
        losses = []
        for encoder, wider, images in sides:
            with torch.no_grad():
                targets = _maps(wider, wider, images(batch))
            ours = _maps(encoder, wider, images(batch))
            losses += map(_missed, ours, targets)
        return sum(losses) / len(losses)

    trained = [parameter for parameter in learning.parameters() if parameter.requires_grad]
    return _learn(trained, loss_of_step, len(data), 'imitating the encoders', config, seed)


def _maps(encoder: Encoder, wider: Encoder, images: Tensor) -> Sequence[Tensor]:
    """Return the levels of a pyramid, and what the trunk would transmit of the finest one."""
    levels = encoder.pyramid(encoder.backbone(images))
    if isinstance(wider, InfrastructureEncoder) and wider.compressor is not None:
        levels.append(wider.compressor(levels[0]))
    return levels


# Compression.


def _imitate_compression(
    model: Emiff, trunk: Emiff, data: CooperativeDataset, config: ImitationConfig, seed: int
) -> float:
    levels = _levels(trunk, data, config.images)
    parts = nn.ModuleList([model.infrastructure_encoder.compressor, model.decompressor]).train()
    device = next(trunk.parameters()).device

    def loss_of_step(chosen: Tensor) -> Tensor:
        level = _stacked([levels[index] for index in chosen.tolist()]).to(device).float()
        size = level.shape[-2:]
        with torch.no_grad():
            target = trunk.decode_infrastructure(_compressed(trunk, level), size)
        return _missed(model.decode_infrastructure(_compressed(model, level), size), target)

    title = 'imitating the compression'
    return _learn(parts.parameters(), loss_of_step, len(levels), title, config, seed)


def _levels(trunk: Emiff, data: CooperativeDataset, wanted: int) -> list[Tensor]:
    """Return the finest pyramid level [C, h, w] of roadside images, float16, on the CPU."""
    encoder, levels = trunk.infrastructure_encoder, []
    device = next(trunk.parameters()).device
    indices = evenly_spread(range(len(data)), wanted)
    for index in tqdm(indices, desc='encoding roadside images', unit='image'):
        images = collate([data[index]], trunk.config).infrastructure_images.to(device)
        with torch.no_grad():
            levels.append(encoder.pyramid(encoder.backbone(images))[0].squeeze(0).half().cpu())
    return levels


def _stacked(levels: Sequence[Tensor]) -> Tensor:
    """Stack levels [C, h, w] into [B, C, H, W]; smaller ones get zeros below and to the right."""
    height, width = (max(level.shape[axis] for level in levels) for axis in (1, 2))
    return torch.stack(
        [
            functional.pad(level, (0, width - level.shape[2], 0, height - level.shape[1]))
            for level in levels
        ]
    )


def _compressed(model: Emiff, level: Tensor) -> Tensor:
    compressor = model.infrastructure_encoder.compressor
    return level if compressor is None else compressor(level)
