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

"""Deformable convolutions of a network and the norms behind them, exchanged for something else."""

from collections.abc import Callable

from torch import Tensor, nn

from emiff_ros.model.cross_attention import ScaleAlignment
from emiff_ros.model.deformable import DeformableConv


def exchange_deformations(
    network: nn.Module, make: Callable[[DeformableConv, nn.BatchNorm2d], nn.Module]
) -> None:
    """Put what ``make`` returns in the place of every deformable convolution and its norm."""
    for module in list(network.modules()):
        if isinstance(module, ScaleAlignment):
            module.deformable = make(module.deformable, module.norm)
            module.norm = nn.Identity()


def with_norm(convolution: DeformableConv, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return the weight [D, C, 3, 3] of a convolution times its norm, and the bias [D]."""
    factor = (norm.weight * (norm.running_var + norm.eps).rsqrt()).detach()
    weight = convolution.weight.detach() * factor.view(-1, 1, 1, 1)
    return weight, norm.bias.detach() - norm.running_mean * factor
