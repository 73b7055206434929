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

"""A camera as the numbers that the network needs, packed for one copy to the device."""

import torch
from torch import Tensor

from emiff_ros.model.camera import Camera, CameraBatch
from emiff_ros.model.channel_masking import CAMERA_NUMBERS, camera_vector


def camera_values(camera: Camera) -> Tensor:
    """Return [30] float32 on the CPU: the camera vector (16), projection (12), image size (2)."""
    batch = CameraBatch.stack([camera])
    vector = camera_vector(batch, torch.zeros(1, dtype=torch.bool))
    projection = torch.matmul(batch.intrinsics, batch.camera_from_vehicle)
    return torch.cat([vector.flatten(), projection.flatten(), batch.image_sizes.flatten()])


def split_values(values: Tensor) -> tuple[Tensor, Tensor]:
    """Split [30] into the camera vector [16] and what places the camera [14]."""
    return values[:CAMERA_NUMBERS], values[CAMERA_NUMBERS:]
