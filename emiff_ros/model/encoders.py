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

"""The two image encoders: the roadside's, which runs on the pole, and the vehicle's own.

EMIFF (arXiv 2402.15272) gives each side its own weights of the same backbone and pyramid.
"""

from torch import Tensor, nn

from emiff_ros.model.backbone import ResNet
from emiff_ros.model.compression import FeatureCompressor
from emiff_ros.model.config import EmiffConfig
from emiff_ros.model.initialisation import initialise
from emiff_ros.model.pyramid import FeaturePyramid
from emiff_ros.model.recorder import record


class InfrastructureEncoder(nn.Module):
    """Roadside image [B, 3, H, W] -> transmitted tensor (``config.transmitted_shape``).

    Everything that runs on the roadside unit: backbone, pyramid, feature compression. Only the
    finest level of the pyramid is used; without compression it is transmitted as it is.
    """

    def __init__(self, config: EmiffConfig) -> None:
        """Build the encoder with random weights."""
        super().__init__()
        self.config = config
        self.backbone = ResNet(config.backbone)
        self.pyramid = FeaturePyramid(config.backbone.out_channels, config.fpn_channels, levels=1)
        self.compressor = (
            FeatureCompressor(config.fpn_channels, config.compression)
            if config.compression
            else None
        )
        initialise(self)

    def forward(self, image: Tensor) -> Tensor:
        """Encode roadside images [B, 3, H, W]."""
        check_image(image, self.config, 'infrastructure image')
        maps = self.backbone(image)
        for index, feature in enumerate(maps):
            record(f'backbone_i{index}', feature)
        finest = record('fpn_i0', self.pyramid(maps)[0])
        return finest if self.compressor is None else self.compressor(finest)

    def encode_infrastructure(self, image: Tensor) -> Tensor:
        """Same as calling the encoder; the name that the whole network has for it."""
        return self(image)


class VehicleEncoder(nn.Module):
    """Vehicle image [B, 3, H, W] -> pyramid levels [B, C, H/4, W/4] to [B, C, H/32, W/32].

    Without cross attention only the finest level exists.
    """

    def __init__(self, config: EmiffConfig) -> None:
        """Build the encoder with random weights."""
        super().__init__()
        self.config = config
        self.backbone = ResNet(config.backbone)
        levels = 4 if config.cross_attention else 1
        self.pyramid = FeaturePyramid(config.backbone.out_channels, config.fpn_channels, levels)
        initialise(self)

    def forward(self, image: Tensor) -> list[Tensor]:
        """Encode vehicle images [B, 3, H, W]."""
        check_image(image, self.config, 'vehicle image')
        maps = self.backbone(image)
        for index, feature in enumerate(maps):
            record(f'backbone_v{index}', feature)
        levels = self.pyramid(maps)
        for index, level in enumerate(levels):
            record(f'fpn_v{index}', level)
        return levels


def check_image(image: Tensor, config: EmiffConfig, name: str) -> None:
    """Raise ValueError unless ``image`` is a batch whose size the network can take."""
    divisor = config.image_divisor
    if image.ndim != 4 or image.shape[1] != 3:
        raise ValueError(f'{name} has shape {tuple(image.shape)}; expected [B, 3, H, W]')
    height, width = image.shape[-2:]
    if height % divisor or width % divisor or not height or not width:
        raise ValueError(
            f'{name} is {height}x{width}; expected height and width in multiples of {divisor}. '
            'Use preprocess_image'
        )
