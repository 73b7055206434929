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

"""Fold batch norms into the convolutions before them."""

from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from emiff_ros.model.backbone import BasicBlock, Bottleneck, ResNet

_CONVOLUTIONS = (nn.Conv2d, nn.Conv3d)
_NORMS = (nn.BatchNorm2d, nn.BatchNorm3d)


def fold_batch_norms(network: nn.Module) -> None:
    """Replace every convolution and its batch norm by one convolution with a bias, in place.

    The norm becomes an identity. In evaluation mode the result is the same up to rounding. Norms
    that follow a deformable convolution or stand alone stay as they are.

    Raises:
        ValueError: in training mode, where a norm depends on the batch.
    """
    if network.training:
        raise ValueError('the network is in training mode; call eval() before folding its norms')
    for module in list(network.modules()):
        for convolution, norm in _pairs(module):
            first, second = getattr(module, convolution), getattr(module, norm)
            if isinstance(first, _CONVOLUTIONS) and isinstance(second, _NORMS):
                setattr(module, convolution, fuse_conv_bn_eval(first, second))
                setattr(module, norm, nn.Identity())


def _pairs(module: nn.Module) -> list[tuple[str, str]]:
    """Names of children of which the second directly follows the first."""
    if isinstance(module, nn.Sequential):
        return list(pairwise(name for name, _ in module.named_children()))
    if isinstance(module, ResNet):
        return [('conv1', 'bn1')]
    if isinstance(module, BasicBlock):
        return [('conv1', 'bn1'), ('conv2', 'bn2')]
    if isinstance(module, Bottleneck):
        return [('conv1', 'bn1'), ('conv2', 'bn2'), ('conv3', 'bn3')]
    return []
