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

"""The folded neck in 8 bits on a CPU; its first convolution and its output stay in float32."""

from torch import Tensor, nn

from emiff_ros.acceleration.byte_convolution import ByteConvolution, to_bytes
from emiff_ros.acceleration.column_neck import ColumnNeck, columns_of
from emiff_ros.acceleration.input_calibration import InputCalibration
from emiff_ros.model.neck import Residual


class QuantizedColumnNeck(nn.Module):
    """Volume [1, C, nx, ny, nz] -> bird's-eye map [1, out, ny, nx], as the neck it replaces."""

    def __init__(self, neck: ColumnNeck, calibration: InputCalibration) -> None:
        """Round the weights of ``neck``, whose batch norms are folded.

        Raises:
            ValueError: if the calibration is of another network.
        """
        super().__init__()
        self.first = neck.layers[:3]
        steps = [
            (f'layers.{index}', layer)
            for index, layer in enumerate(neck.layers)
            if index >= 3 and not isinstance(layer, nn.ReLU)
        ]
        scales = [calibration.scale(_first_convolution(name, layer)) for name, layer in steps]
        self._input_scale = scales[0]
        self.rest = nn.ModuleList()
        for (name, layer), scale, after in zip(steps, scales, [*scales[1:], None], strict=True):
            if isinstance(layer, Residual):
                inner = calibration.scale(f'{name}.second.0')
                self.rest.append(_QuantizedResidual(layer, scale, inner, after))
            else:
                self.rest.append(ByteConvolution(layer[0], scale, after))

    def forward(self, volume: Tensor) -> Tensor:
        """Reduce a volume to its bird's-eye map."""
        x = to_bytes(self.first(columns_of(volume)), self._input_scale)
        for layer in self.rest:
            x = layer(x)
        return x.relu_()


class _QuantizedResidual(nn.Module):
    """ReLU(x + convolution(ReLU(convolution(x)))): uint8 -> uint8."""

    def __init__(self, block: Residual, scale: float, inner: float, after: float) -> None:
        super().__init__()
        self.first = ByteConvolution(block.first[0], scale, inner)
        self.second = ByteConvolution(block.second[0], inner, after)
        self._scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return self.second.add(self.first(x), x, self._scale)


def _first_convolution(name: str, layer: nn.Module) -> str:
    return f'{name}.first.0' if isinstance(layer, Residual) else f'{name}.0'
