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

"""The folded neck on volumes whose columns lie together: all a cell holds, height after height."""

from torch import Tensor, nn

from emiff_ros.model.neck import FoldedNeck
from emiff_ros.model.recorder import record


class ColumnNeck(nn.Module):
    """Volume [1, C, nx, ny, nz] -> bird's-eye map [1, out, ny, nx], as the neck it replaces.

    Heights are folded in another order, so that a volume from
    :class:`emiff_ros.acceleration.voxel_reads.VoxelReader` is taken without a copy and every map
    keeps its channels together.
    """

    def __init__(self, neck: FoldedNeck, heights: int) -> None:
        """Take the layers of ``neck``, whose folded channels run over C, then ``heights``."""
        super().__init__()
        self.layers = neck.layers
        weight = self.layers[0].weight
        reordered = weight.unflatten(1, (-1, heights)).transpose(1, 2).flatten(1, 2)
        weight.data = reordered.detach().clone()

    def forward(self, volume: Tensor) -> Tensor:
        """Reduce a volume to its bird's-eye map."""
        return record('bev', self.layers(columns_of(volume)))


def columns_of(volume: Tensor) -> Tensor:
    """Volume [1, C, nx, ny, nz] -> map [1, nz * C, ny, nx], height after height."""
    return volume.permute(0, 3, 2, 4, 1).flatten(3).permute(0, 3, 1, 2)
