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

"""The small building blocks that several parts of the network share."""

from torch import nn


class ConvNormReLU(nn.Sequential):
    """3x3 convolution, batch norm, ReLU: [B, in, H, W] -> [B, out, H/stride, W/stride]."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int = 1,
        norm_eps: float = 1e-5,
        norm_momentum: float = 0.1,
    ) -> None:
        """Build the layers; ``norm_*`` are those of the batch norm."""
        super().__init__(
            nn.Conv2d(in_channels, out_channels, 3, stride, 1),
            nn.BatchNorm2d(out_channels, eps=norm_eps, momentum=norm_momentum),
            nn.ReLU(inplace=True),
        )


class DoubleConv(nn.Sequential):
    """Two :class:`ConvNormReLU`; the first one has the stride."""

    def __init__(self, channels: int, stride: int = 1) -> None:
        """Build both for ``channels`` in and out."""
        super().__init__(
            ConvNormReLU(channels, channels, stride), ConvNormReLU(channels, channels)
        )
