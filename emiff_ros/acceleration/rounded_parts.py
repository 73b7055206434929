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

"""Which convolutions of a network with a folded neck are rounded to 8 bits: those behind a ReLU.

What sees both signs stays in float32: the pyramid's last convolutions and the neck's first one. So
do the compression, which is small, the deformable convolutions and their positions, and the head.
"""

from collections.abc import Callable

from torch import nn

from emiff_ros.acceleration.byte_rounding import STEPS
from emiff_ros.acceleration.input_calibration import InputCalibration
from emiff_ros.acceleration.rounded_convolution import RoundedConvolution
from emiff_ros.model.preprocessing import IMAGE_MEAN, IMAGE_STD

_DARKEST = min(-mean / std for mean, std in zip(IMAGE_MEAN, IMAGE_STD, strict=True))
_BRIGHTEST = max((255 - mean) / std for mean, std in zip(IMAGE_MEAN, IMAGE_STD, strict=True))
_IMAGE_SCALE = (_BRIGHTEST - _DARKEST) / STEPS
_IMAGE_ZERO = round(-_DARKEST / _IMAGE_SCALE)
"""The step that stands for 0, which padding is made of."""

_FIRST_ROADSIDE = 'multi_scale_block.scales.0.0.0'


def round_encoder(encoder: nn.Module, calibration: InputCalibration) -> None:
    """Round an encoder's backbone and what the pyramid makes of each of its maps, in place.

    Args:
        encoder: in float32, its batch norms folded.
        calibration: of its convolutions, by the names that they have in the encoder.

    Raises:
        ValueError: if the calibration is of another network.
    """
    stem = encoder.backbone.conv1
    _round(encoder, calibration, lambda name: name.startswith(('backbone.layer', 'pyramid.lat')))
    encoder.backbone.conv1 = RoundedConvolution(stem, _IMAGE_SCALE, _IMAGE_ZERO)


def round_attention(
    attention: nn.Module, calibration: InputCalibration, features_are_rectified: bool
) -> None:
    """Round the cross attention's ordinary convolutions; like :func:`round_encoder`.

    Its first roadside convolution is spared unless ``features_are_rectified``.
    """
    spared = () if features_are_rectified else (_FIRST_ROADSIDE,)
    _round(attention, calibration, lambda name: not name.endswith('offset') and name not in spared)


def round_neck(neck: nn.Module, calibration: InputCalibration) -> None:
    """Round a folded neck behind its first convolution; like :func:`round_encoder`."""
    _round(neck, calibration, lambda name: name != 'layers.0')


def _round(
    part: nn.Module, calibration: InputCalibration, is_rounded: Callable[[str], bool]
) -> None:
    for name, module in list(part.named_modules()):
        if isinstance(module, nn.Conv2d) and is_rounded(name):
            owner, _, attribute = name.rpartition('.')
            rounded = RoundedConvolution(module, calibration.scale(name))
            setattr(part.get_submodule(owner), attribute, rounded)
