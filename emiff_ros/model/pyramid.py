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

"""Feature pyramid network (Lin et al., arXiv 1612.03144) on the four backbone outputs."""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional


class FeaturePyramid(nn.Module):
    """Four backbone maps -> pyramid levels [B, channels, H/4, W/4], [.., H/8, W/8], ...

    Lateral 1x1 convolutions, top-down sums with nearest resizing, a 3x3 convolution for each level
    that is put out. All four lateral maps reach the finest level; ``levels`` of them are put out,
    finest first (the roadside and a network without cross attention need only the finest).
    """

    def __init__(self, in_channels: Sequence[int], channels: int, levels: int = 4) -> None:
        """Build the pyramid on maps of ``in_channels``, finest first."""
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(width, channels, 1) for width in in_channels)
        self.output = nn.ModuleList(nn.Conv2d(channels, channels, 3, 1, 1) for _ in range(levels))

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Return the levels, finest first."""
        levels = [lateral(x) for lateral, x in zip(self.lateral, maps, strict=True)]
        for fine in range(len(levels) - 2, -1, -1):
            size = levels[fine].shape[-2:]
            coarse = functional.interpolate(levels[fine + 1], size=size, mode='nearest')
            levels[fine] = levels[fine] + coarse
        return [convolve(level) for convolve, level in zip(self.output, levels, strict=False)]
