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

"""Initial weights, as the original sets them before training."""

import math

from torch import nn

from emiff_ros.model.backbone import ResNet
from emiff_ros.model.head import AnchorHead
from emiff_ros.model.neck import FoldedNeck, VolumeNeck
from emiff_ros.model.pyramid import FeaturePyramid

FOREGROUND_PRIOR = 0.01
"""Score that the head gives every anchor before training (focal loss, arXiv 1708.02002)."""


def initialise(network: nn.Module) -> None:
    """Set the initial weights of every known part inside ``network``.

    Pyramid: Xavier uniform. Neck and backbone: Kaiming normal over the outputs. Head: normal 0.01
    and a bias that scores 0.01. Deformable convolutions set theirs themselves; everything else
    keeps PyTorch's defaults.
    """
    for module in network.modules():
        if isinstance(module, FeaturePyramid):
            _initialise_pyramid(module)
        elif isinstance(module, (ResNet, VolumeNeck, FoldedNeck)):
            _initialise_kaiming(module)
        elif isinstance(module, AnchorHead):
            _initialise_head(module)


def _initialise_pyramid(pyramid: FeaturePyramid) -> None:
    for module in pyramid.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)


def _initialise_kaiming(part: nn.Module) -> None:
    for module in part.modules():
        if isinstance(module, (nn.Conv2d, nn.Conv3d)):
            nn.init.kaiming_normal_(module.weight, mode='fan_out', nonlinearity='relu')


def _initialise_head(head: AnchorHead) -> None:
    for branch in (head.classify, head.regress, head.direction):
        nn.init.normal_(branch.weight, std=0.01)
        nn.init.zeros_(branch.bias)
    nn.init.constant_(head.classify.bias, -math.log((1 - FOREGROUND_PRIOR) / FOREGROUND_PRIOR))
