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

"""ResNet image backbone (He et al., arXiv 1512.03385), weights named as in torchvision."""

from torch import Tensor, nn

from emiff_ros.model.config import BOTTLENECK_DEPTHS, BackboneConfig

_BLOCKS_PER_LAYER = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}


class BasicBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut, for ResNet-18 and -34."""

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int) -> None:
        """Build the block; ``stride`` and a change of channels need a projection shortcut."""
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(in_channels, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """[B, in, H, W] -> [B, width, H/stride, W/stride]."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Module):
    """1x1, 3x3 (with the stride), 1x1 around a shortcut, for ResNet-50 and -101."""

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int) -> None:
        """Build the block; ``width`` is that of the 3x3 convolution."""
        super().__init__()
        out_channels = width * self.expansion
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """[B, in, H, W] -> [B, 4 width, H/stride, W/stride]."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """Image [B, 3, H, W] -> four maps [B, channels, H/stride, W/stride], strides 4, 8, 16, 32."""

    def __init__(self, config: BackboneConfig) -> None:
        """Build the network with random weights and freeze what the configuration says."""
        super().__init__()
        self.config = config
        stem = config.widths[0]
        self.conv1 = nn.Conv2d(3, stem, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        block = Bottleneck if config.depth in BOTTLENECK_DEPTHS else BasicBlock
        channels = stem
        for index, count in enumerate(_BLOCKS_PER_LAYER[config.depth]):
            width, stride = config.widths[index], 1 if index == 0 else 2
            blocks = [block(channels, width, stride)]
            channels = width * block.expansion
            blocks += [block(channels, width, 1) for _ in range(count - 1)]
            self.add_module(f'layer{index + 1}', nn.Sequential(*blocks))
        self._freeze()

    @property
    def layers(self) -> tuple[nn.Module, ...]:
        """The four residual layers."""
        return self.layer1, self.layer2, self.layer3, self.layer4

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the outputs of the four layers, finest first."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(image))))
        outputs = []
        for layer in self.layers:
            x = layer(x)
            outputs.append(x)
        return outputs

    def train(self, mode: bool = True) -> 'ResNet':
        """Set the mode; frozen batch norms stay in evaluation mode."""
        super().train(mode)
        for norm in self._frozen_norms():
            norm.eval()
        return self

    def _freeze(self) -> None:
        for part in self._frozen_parts():
            part.requires_grad_(False)
        for norm in self._frozen_norms():
            norm.requires_grad_(False)

    def _frozen_parts(self) -> list[nn.Module]:
        parts = [nn.ModuleList([self.conv1, self.bn1]), *self.layers]
        return parts[: self.config.frozen_parts]

    def _frozen_norms(self) -> list[nn.Module]:
        roots = [self] if self.config.frozen_batch_norm else self._frozen_parts()
        return [m for root in roots for m in root.modules() if isinstance(m, nn.BatchNorm2d)]


def _shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module | None:
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
    )
