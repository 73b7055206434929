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

"""A new compression first learns to give what the trunk's own compression gives.

No part of EMIFF. With the detection loss alone a fresh FC spends most of a small budget on finding
out what a feature map looks like. The trunk's decoded map says so directly, and nothing but FC has
to run for that (knowledge distillation, Hinton et al., arXiv 1503.02531).
"""

import logging

import torch
from torch import Tensor
from tqdm import tqdm

from emiff_ros.model.emiff import Emiff
from emiff_ros.spread import evenly_spread
from emiff_ros.training.batch import collate
from emiff_ros.training.config import ImitationConfig
from emiff_ros.training.dataset import CooperativeDataset

_logger = logging.getLogger(__name__)


def imitate_trunk(
    model: Emiff,
    trunk: Emiff,
    data: CooperativeDataset,
    config: ImitationConfig,
    device: torch.device,
    seed: int = 0,
) -> float:
    """Train the compression of ``model``, in place.

    Args:
        model: with the trunk's roadside encoder and a compression of its own.
        trunk: whose decoded roadside feature is imitated.
        data: its roadside images.
        config: of the imitation.
        device: where it is computed; ``model`` comes back to where it was.
        seed: of the order of the images.

    Returns:
        The share of the decoded feature's variance that the last tenth of the steps missed.

    Raises:
        ValueError: if the network transmits its feature uncompressed.
    """
    encoder = model.infrastructure_encoder
    if encoder is None or encoder.compressor is None:
        raise ValueError(
            f'the network (modality {model.config.modality}) compresses no roadside feature, so '
            'there is nothing to imitate: set imitation.steps to 0'
        )
    home = next(model.parameters()).device
    trunk = trunk.to(device).eval().requires_grad_(False)
    levels = _levels(trunk, data, config.images, device)
    parts = torch.nn.ModuleList([encoder.compressor, model.decompressor]).to(device).train()
    optimizer = torch.optim.Adam(parts.parameters(), config.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, config.steps)
    generator = torch.Generator().manual_seed(seed)
    missed = []
    for _ in tqdm(range(config.steps), desc='imitating the trunk', unit='step'):
        chosen = torch.randint(len(levels), (config.batch_size,), generator=generator)
        level = levels[chosen].to(device).float()
        size = level.shape[-2:]
        with torch.no_grad():
            target = trunk.decode_infrastructure(_compressed(trunk, level), size)
        ours = model.decode_infrastructure(_compressed(model, level), size)
        loss = (ours - target).square().mean() / target.var()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        missed.append(loss.item())
    parts.to(home)
    last = missed[-max(1, len(missed) // 10) :]
    share = sum(last) / len(last)
    _logger.info("the compression misses %.1f %% of the trunk's feature", 100 * share)
    return share


def _levels(trunk: Emiff, data: CooperativeDataset, count: int, device: torch.device) -> Tensor:
    """Return the finest pyramid level [N, C, h, w] of roadside images, float16, on the CPU."""
    encoder, levels = trunk.infrastructure_encoder, []
    indices = evenly_spread(range(len(data)), count)
    for index in tqdm(indices, desc='encoding roadside images', unit='image'):
        images = collate([data[index]], trunk.config).infrastructure_images.to(device)
        with torch.no_grad():
            levels.append(encoder.pyramid(encoder.backbone(images))[0].half().cpu())
    return torch.cat(levels)


def _compressed(model: Emiff, level: Tensor) -> Tensor:
    compressor = model.infrastructure_encoder.compressor
    return level if compressor is None else compressor(level)
