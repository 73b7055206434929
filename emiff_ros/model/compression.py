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

"""Feature compression, FC: what goes over the radio, and its way back into a feature map.

EMIFF (arXiv 2402.15272), "Feature Compression".
"""

from torch import Tensor, nn
from torch.nn import functional

from emiff_ros.model.config import CompressionConfig
from emiff_ros.model.layers import ConvNormReLU
from emiff_ros.model.recorder import record

_CODER_NORM = {'norm_eps': 1e-3, 'norm_momentum': 0.01}
"""Batch norm of encoder and decoder; the halving stages have the usual 1e-5 and 0.1."""


class FeatureCompressor(nn.Module):
    """Sender: [B, C, h, w] -> transmitted tensor [B, C/ratio, h/2^halvings, w/2^halvings], >= 0.

    A size that the halvings do not divide is padded with zeros at the bottom and right first; the
    decompressor crops to the size that it is given.
    """

    def __init__(self, channels: int, config: CompressionConfig) -> None:
        """Build the encoder and its halvings for ``channels`` = C."""
        super().__init__()
        narrow = channels // config.ratio
        self.step = 2**config.halvings
        self.encoder = ConvNormReLU(channels, narrow, **_CODER_NORM)
        self.halvings = nn.Sequential(
            *(ConvNormReLU(narrow, narrow, stride=2) for _ in range(config.halvings))
        )

    def forward(self, feature: Tensor) -> Tensor:
        """Compress a feature map [B, C, h, w]."""
        height, width = feature.shape[-2:]
        feature = functional.pad(feature, (0, -width % self.step, 0, -height % self.step))
        encoded = record('fc_encoder', self.encoder(feature))
        return record('fc_transmitted', self.halvings(encoded))


class FeatureDecompressor(nn.Module):
    """Receiver: transmitted tensor -> feature map [B, C, h, w] of the size asked for.

    The doublings are bare transposed convolutions (kernel 4, stride 2): no bias, no norm, no
    activation.
    """

    def __init__(self, channels: int, config: CompressionConfig) -> None:
        """Build the doublings and the decoder for ``channels`` = C."""
        super().__init__()
        narrow = channels // config.ratio
        self.doublings = nn.Sequential(
            *(
                nn.ConvTranspose2d(narrow, narrow, 4, 2, 1, bias=False)
                for _ in range(config.halvings)
            )
        )
        self.decoder = nn.Sequential(
            ConvNormReLU(narrow, channels, **_CODER_NORM),
            ConvNormReLU(channels, channels, **_CODER_NORM),
        )

    def forward(self, transmitted: Tensor, size: tuple[int, int]) -> Tensor:
        """Restore a feature map of ``size`` (h, w)."""
        height, width = size
        upsampled = self.doublings(transmitted)[..., :height, :width]
        return record('fc_decoded', self.decoder(record('fc_upsampled', upsampled)))
