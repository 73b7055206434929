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

"""Half precision where it does no harm."""

import torch
from torch import Tensor, nn

from emiff_ros.model import Emiff
from emiff_ros.model.encoders import InfrastructureEncoder


class Cast(nn.Module):
    """Convert to another type."""

    def __init__(self, dtype: torch.dtype) -> None:
        """Remember the type."""
        super().__init__()
        self.dtype = dtype

    def forward(self, x: Tensor) -> Tensor:
        """Convert ``x``."""
        return x.to(self.dtype)


def set_precision(model: Emiff | InfrastructureEncoder, dtype: torch.dtype) -> None:
    """Convert a network's weights, in place.

    What turns camera numbers into masks stays in float32: pixels and metres would lose their
    decimals. Positions stay in float32 anyway.
    """
    if dtype == torch.float32:
        return
    masking = model.channel_masking if isinstance(model, Emiff) else None
    spared = [] if masking is None else [masking.camera_norm, masking.camera_mlp, masking.mask_mlp]
    exact = {id(module) for part in spared for module in part.modules()}
    for module in model.modules():
        if id(module) not in exact:
            _convert(module, dtype)
    if masking is not None:
        masking.mask_mlp.append(Cast(dtype))


def _convert(module: nn.Module, dtype: torch.dtype) -> None:
    """Convert a module's own tensors, not its children's."""
    for owned in (module._parameters, module._buffers):
        for name, tensor in owned.items():
            if tensor is None or not tensor.is_floating_point():
                continue
            converted = tensor.detach().to(dtype)
            is_weight = isinstance(tensor, nn.Parameter)
            owned[name] = nn.Parameter(converted, requires_grad=False) if is_weight else converted
