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

"""A roadside unit's half of the network with speed-ups, for one image at a time."""

from collections.abc import Callable
import copy

import torch
from torch import Tensor

from emiff_ros.acceleration.batch_norm import fold_batch_norms
from emiff_ros.acceleration.config import AccelerationConfig
from emiff_ros.acceleration.convolution_settings import convolution_settings
from emiff_ros.acceleration.cuda_graph import CapturedStep
from emiff_ros.acceleration.fused_convolution import fuse_activations
from emiff_ros.acceleration.heap import keep_freed_memory
from emiff_ros.acceleration.image_preparation import ImagePreparation
from emiff_ros.acceleration.input_calibration import InputCalibration, checked_calibration
from emiff_ros.acceleration.openvino_program import OpenVinoProgram
from emiff_ros.acceleration.precision import set_precision
from emiff_ros.acceleration.rounded_parts import round_encoder
from emiff_ros.acceleration.stem import pool_in_slices
from emiff_ros.model.channels_last import put_channels_last
from emiff_ros.model.encoders import InfrastructureEncoder

_PART = 'infrastructure_encoder'
_SWITCHES = (
    'fused_activations',
    'autotune',
    'cuda_graphs',
    'sliced_pooling',
    'quantized_encoders',
    'keep_memory',
)


class AcceleratedEncoder:
    """A changed copy of an encoder; the switches that concern other parts play no role."""

    def __init__(
        self,
        encoder: InfrastructureEncoder,
        acceleration: AccelerationConfig,
        calibration: InputCalibration | None = None,
    ) -> None:
        """Copy ``encoder`` and change the copy.

        Args:
            encoder: in evaluation mode.
            acceleration: the speed-ups.
            calibration: of the whole network, for 8 bits.

        Raises:
            ValueError: in training mode, if a speed-up does not fit the device, or without the
                calibration or the package that it needs.
        """
        device = next(encoder.parameters()).device
        acceleration.check_device(device, 'this encoder', _SWITCHES)
        if encoder.training:
            raise ValueError('the encoder is in training mode; call eval() before accelerating it')
        if acceleration.keep_memory:
            keep_freed_memory()
        encoder = copy.deepcopy(encoder).requires_grad_(False)
        if acceleration.fold_batch_norm:
            fold_batch_norms(encoder)
        if acceleration.fused_activations:
            fuse_activations(encoder)
        if acceleration.sliced_pooling:
            pool_in_slices(encoder)
        if acceleration.quantized_encoders:
            round_encoder(encoder, checked_calibration(calibration).part(_PART))
        set_precision(encoder, acceleration.dtype)
        if acceleration.channels_last:
            put_channels_last(encoder)
        self.config, self.device, self._acceleration = encoder.config, device, acceleration
        self._encode = _runner(encoder, acceleration, device)
        self._prepare = ImagePreparation(
            encoder.config, device, acceleration.dtype, acceleration.channels_last
        )

    def encode_infrastructure_picture(self, rgb: Tensor) -> Tensor:
        """Encode a picture [H, W, 3] uint8, red first, of the network's input size or larger."""
        return self.encode_infrastructure(self._prepare(rgb.to(self.device)))

    @torch.no_grad()
    def encode_infrastructure(self, image: Tensor) -> Tensor:
        """Encode an image [1, 3, H, W] into the transmitted tensor [1, c, h, w]."""
        acceleration = self._acceleration
        layout = torch.channels_last if acceleration.channels_last else torch.contiguous_format
        image = image.to(self.device, acceleration.dtype).contiguous(memory_format=layout)
        tf32 = acceleration.precision == 'tf32'
        with convolution_settings(acceleration.autotune, tf32):
            result = self._encode(image)
        return result.clone() if acceleration.cuda_graphs else result


def _runner(
    encoder: InfrastructureEncoder, acceleration: AccelerationConfig, device: torch.device
) -> Callable[[Tensor], Tensor]:
    if acceleration.cuda_graphs:
        return CapturedStep(encoder, device)
    if acceleration.engine == 'torch':
        return encoder
    program = OpenVinoProgram(lambda image: [encoder(image)])
    return lambda image: program(image)[0]
