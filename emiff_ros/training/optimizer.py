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

"""AdamW with the parameter groups that the paper's training distinguishes."""

import torch
from torch import nn
from torch.optim import AdamW

from emiff_ros.training.config import OptimizerConfig

BASE_RATE = 'base_rate'
"""Key of a parameter group's full learning rate; the schedule multiplies it."""


def make_optimizer(model: nn.Module, config: OptimizerConfig) -> AdamW:
    """Return AdamW over the trainable parameters.

    Parameters with ``backbone`` in their name have their own learning rate; with ``decay_all``
    off, vectors and scalars (biases, batch norms) are not decayed.
    """
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            decayed = config.decay_all or parameter.ndim > 1
            groups.setdefault(('backbone' in name, decayed), []).append(parameter)
    return AdamW(
        [
            {
                'params': parameters,
                'weight_decay': config.weight_decay if decayed else 0.0,
                BASE_RATE: config.learning_rate * (config.backbone_factor if backbone else 1.0),
            }
            for (backbone, decayed), parameters in groups.items()
        ],
        lr=config.learning_rate,
        betas=config.betas,
        # All tensors at once: on a CPU the default is a Python loop over them.
        foreach=True,
    )


def set_learning_rate(optimizer: torch.optim.Optimizer, factor: float) -> None:
    """Set every group to ``factor`` times its full learning rate."""
    for group in optimizer.param_groups:
        group['lr'] = group[BASE_RATE] * factor
