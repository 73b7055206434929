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

"""The 3D neck with 8-bit convolutions on a CPU (oneDNN), rounded after training.

Weights become int8 (7 bits of it on CPUs without VNNI) with one scale for each output channel,
feature maps uint8 with one scale for each layer, from zero to what calibration saw; sums are
exact. The first layer or residual block keeps the precision of the rest, for its input has both
signs; the output is rounded to bfloat16.
"""

import torch
from torch import Tensor, nn

from emiff_ros.acceleration.byte_rounding import STEPS, rounded_weights
from emiff_ros.acceleration.calibration import NeckCalibration
from emiff_ros.acceleration.height_convolution import HeightConvolution, neighbouring_planes
from emiff_ros.acceleration.volume_neck import HeightMajorNeck, Residual


class QuantizedConvolution(nn.Module):
    """ReLU of a 3x3x3 convolution: uint8 [1, C, nz, ny, nx] -> [1, D, nz', ny, nx].

    The result starts at zero, where uint8 saturates: that is the ReLU.
    """

    def __init__(
        self,
        convolution: HeightConvolution,
        input_scale: float,
        output_scale: float | None,
        residual_scale: float | None = None,
    ) -> None:
        """Round and pack weights.

        Args:
            convolution: in float32 and form conv3d.
            input_scale: what one step of the input stands for.
            output_scale: the same of the output; None for an output in bfloat16.
            residual_scale: the same of what is added before the ReLU; None if nothing is.
        """
        super().__init__()
        self._scales = input_scale, output_scale, residual_scale
        self._stride, self._padding = convolution.stride, convolution.padding
        weight, self._bias = convolution.weight.detach(), convolution.bias.detach()
        rounded, self._weight_scales = rounded_weights(weight)
        self._zero_points = torch.zeros(len(weight), dtype=torch.int)
        if residual_scale is None:
            geometry = [self._stride, 1, 1], [self._padding, 1, 1], [1, 1, 1], 1
        else:
            # Only oneDNN's 2D convolution adds a residual.
            rounded = rounded.permute(0, 2, 1, 3, 4).flatten(1, 2)
            geometry = [1, 1], [1, 1], [1, 1], 1
        self._geometry = geometry
        self._packed = torch.ops.onednn.qconv_prepack(
            rounded.contiguous(), self._weight_scales, input_scale, 0, *geometry
        )

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """Return ReLU(convolution + bias + residual); the residual is uint8."""
        input_scale, output_scale, residual_scale = self._scales
        weights = self._packed, self._weight_scales, self._zero_points
        tail = (self._bias, *self._geometry, 1.0 if output_scale is None else output_scale, 0)
        if residual is None:
            dtype = torch.bfloat16 if output_scale is None else torch.uint8
            out = torch.ops.onednn.qconv3d_pointwise(
                x, input_scale, 0, *weights, *tail, dtype, 'none', [], None
            )
            return out if output_scale is not None else out.relu_()
        stack = neighbouring_planes(_planes(x), self._stride, self._padding)
        total = _planes(residual).clone(memory_format=torch.channels_last)
        addition = residual_scale, 0, 'sum', 1.0, 'relu', [], None
        out = torch.ops.onednn.qconv2d_pointwise(
            stack, input_scale, 0, *weights, total, *tail, torch.uint8, *addition
        )
        return out.transpose(0, 1).unsqueeze(0)


class QuantizedNeck(nn.Module):
    """Volume [1, C, nx, ny, nz] -> bird's-eye map [1, out, ny, nx], as the neck it replaces."""

    def __init__(self, neck: HeightMajorNeck, calibration: NeckCalibration) -> None:
        """Round the weights of ``neck``, which is in float32 and form conv3d.

        Raises:
            ValueError: if the calibration is of another neck.
        """
        super().__init__()
        convolutions = [m for m in neck.modules() if isinstance(m, HeightConvolution)]
        maxima = calibration.maxima
        if len(maxima) != len(convolutions):
            raise ValueError(
                f'the calibration has {len(maxima)} maxima, the neck {len(convolutions)} '
                'convolutions; calibrate this network with NeckObserver'
            )
        scales = [maximum / STEPS for maximum in maxima]
        self.first = neck.layers[0]
        passed = 2 if isinstance(self.first, Residual) else 1
        self._input_scale = scales[passed - 1]
        rest = nn.Sequential()
        for layer in neck.layers[1:]:
            before = scales[passed - 1]
            if isinstance(layer, Residual):
                inner, after = scales[passed : passed + 2]
                first = QuantizedConvolution(layer.first, before, inner)
                second = QuantizedConvolution(layer.second, inner, after, residual_scale=before)
                rest.append(Residual(first, second))
                passed += 2
            else:
                after = scales[passed] if passed + 1 < len(scales) else None
                rest.append(QuantizedConvolution(layer, before, after))
                passed += 1
        self.rest = rest

    def forward(self, volume: Tensor) -> Tensor:
        """Reduce a volume to its bird's-eye map."""
        x = volume.permute(0, 1, 4, 3, 2).contiguous(memory_format=torch.channels_last_3d)
        steps = self.first(x).div_(self._input_scale).round_().clamp_(max=STEPS)
        return self.rest(steps.to(torch.uint8)).squeeze(2).to(volume.dtype)


def _planes(volume: Tensor) -> Tensor:
    """View [1, C, nz, ny, nx] as [nz, C, ny, nx]."""
    return volume.squeeze(0).transpose(0, 1)
