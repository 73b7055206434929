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

"""What the networks compute and OpenVINO has another name for."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from emiff_ros.acceleration.byte_rounding import STEPS
from emiff_ros.acceleration.openvino_package import import_openvino


@torch.library.custom_op('emiff_ros::rounded_map', mutates_args=())
def rounded_map(x: Tensor, scale: float, zero_point: int) -> Tensor:
    """Round a map to the 256 values (0 to 255 - ``zero_point``) * ``scale``."""
    return torch.fake_quantize_per_tensor_affine(x, scale, zero_point, 0, STEPS)


def conversions() -> list[Any]:
    """Return how OpenVINO translates the operators.

    Raises:
        ValueError: if it is not installed.
    """
    operators = import_openvino().opset8
    from openvino.frontend.pytorch import ConversionExtension

    def rounded(context: Any) -> list[Any]:
        scale, zero_point = (context.get_values_from_const_input(place) for place in (1, 2))
        ends = (np.float32(scale * (end - zero_point)) for end in (0, STEPS))
        limits = [operators.constant(end) for end in ends] * 2
        return operators.fake_quantize(context.get_input(0), *limits, STEPS + 1).outputs()

    return [ConversionExtension('emiff_ros.rounded_map.default', rounded)]
