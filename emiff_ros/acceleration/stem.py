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

"""The stem of a ResNet on a CPU: a maximum over slices of the map, before its ReLU.

``max_pool2d`` gathers the nine values of each place; a maximum of slices runs through the map as
it lies in memory.
"""

import torch
from torch import Tensor, nn

from emiff_ros.model.backbone import ResNet


def pool_in_slices(network: nn.Module) -> None:
    """Exchange the stem's pooling of every ResNet, in place: first the maximum, then the ReLU."""
    for module in network.modules():
        if isinstance(module, ResNet):
            module.relu, module.maxpool = nn.Identity(), nn.Sequential(SlicedMaximum(), nn.ReLU())


class SlicedMaximum(nn.Module):
    """Maximum over 3x3 places with stride 2 and padding 1: [B, C, H, W] -> [B, C, H/2, W/2].

    H and W are even, the map is channels-last for speed.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Pool a map."""
        return _halved(_halved(x, 2), 3)


def _halved(x: Tensor, axis: int) -> Tensor:
    """Return the maxima of cells 2i - 1, 2i and 2i + 1 along an axis of even size."""
    even, odd = (x.unflatten(axis, (-1, 2)).select(axis + 1, place) for place in (0, 1))
    largest = torch.maximum(even, odd)
    count = largest.shape[axis] - 1
    inner, before = largest.narrow(axis, 1, count), odd.narrow(axis, 0, count)
    torch.maximum(inner, before, out=inner)
    return largest
