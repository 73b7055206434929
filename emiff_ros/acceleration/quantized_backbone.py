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

"""A ResNet that runs in 8 bits on a CPU."""

from itertools import pairwise

from torch import Tensor, nn

from emiff_ros.acceleration.byte_convolution import ByteConvolution, to_bytes
from emiff_ros.acceleration.input_calibration import InputCalibration
from emiff_ros.acceleration.stem import QuantizedStem
from emiff_ros.model.backbone import BasicBlock, Bottleneck, ResNet
from emiff_ros.model.encoders import InfrastructureEncoder, VehicleEncoder


class QuantizedResNet(nn.Module):
    """Image [1, 3, H, W] -> four maps, strides 4 to 32, as the backbone that it replaces."""

    def __init__(
        self, backbone: ResNet, calibration: InputCalibration, output_scales: list[float]
    ) -> None:
        """Round the weights of ``backbone``, whose batch norms are folded.

        Args:
            backbone: in float32.
            calibration: of its convolutions.
            output_scales: what one step of each layer's output stands for.

        Raises:
            ValueError: if the calibration is of another network.
        """
        super().__init__()
        self.stem = QuantizedStem(backbone, calibration.scale('layer1.0.conv1'))
        self._output_scales = output_scales
        self.layers = nn.ModuleList(
            _quantized_layer(layer, calibration.part(f'layer{number}'), scale)
            for number, (layer, scale) in enumerate(
                zip(backbone.layers, output_scales, strict=True), start=1
            )
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the outputs of the four layers, finest first."""
        x = self.stem(image)
        outputs = []
        for layer, scale in zip(self.layers, self._output_scales, strict=True):
            x = layer(x)
            outputs.append(x * scale)
        return outputs


def _quantized_layer(
    layer: nn.Sequential, calibration: InputCalibration, output_scale: float
) -> nn.Sequential:
    """Round one residual layer; each block puts out what the next one takes in."""
    parts = [calibration.part(name) for name, _ in layer.named_children()]
    after = [*(part.scale('conv1') for part in parts[1:]), output_scale]
    blocks = zip(layer, parts, after, strict=True)
    return nn.Sequential(*(_QuantizedBlock(*block) for block in blocks))


class _QuantizedBlock(nn.Module):
    """A residual block: uint8 -> uint8."""

    def __init__(
        self, block: BasicBlock | Bottleneck, calibration: InputCalibration, output_scale: float
    ) -> None:
        super().__init__()
        names = ['conv1', 'conv2', *(['conv3'] if isinstance(block, Bottleneck) else [])]
        scales = [calibration.scale(name) for name in names]
        self.before = nn.Sequential(
            *(
                ByteConvolution(getattr(block, name), *pair)
                for name, pair in zip(names[:-1], pairwise(scales), strict=True)
            )
        )
        self._input_scale, self._output_scale = scales[0], output_scale
        shortcut = block.downsample
        # oneDNN adds what has the type of the sum: a shortcut that was convolved has both signs.
        self.shortcut = None if shortcut is None else ByteConvolution(shortcut[0], scales[0])
        own = output_scale if shortcut is None else None
        self.last = ByteConvolution(getattr(block, names[-1]), scales[-1], own)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.before(x)
        if self.shortcut is None:
            return self.last.add(inner, x, self._input_scale)
        return to_bytes(self.last.add(inner, self.shortcut(x)), self._output_scale)


def quantize_backbone(
    encoder: InfrastructureEncoder | VehicleEncoder, calibration: InputCalibration
) -> None:
    """Exchange an encoder's backbone, in place; the names of the calibration are the encoder's.

    Raises:
        ValueError: if the calibration is of another network.
    """
    scales = [
        calibration.scale(f'pyramid.lateral.{index}')
        for index in range(len(encoder.pyramid.lateral))
    ]
    encoder.backbone = QuantizedResNet(encoder.backbone, calibration.part('backbone'), scales)
