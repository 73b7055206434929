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

"""What the vehicle has of the world: roadside views, cameras and mirroring of a batch, checked."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from emiff_ros.model.camera import Camera, CameraBatch
from emiff_ros.model.config import FEATURE_STRIDE, EmiffConfig

Cameras = Camera | Sequence[Camera]
"""One camera, or one for each sample of a batch."""


@dataclass(frozen=True, eq=False)
class InfrastructureView:
    """What the vehicle has of one roadside camera: its image, or the feature that it sent.

    Attributes:
        camera: one camera, or one for each sample of the batch.
        image: [B, 3, H, W], normalised and padded.
        feature: [B, c, h, w], the transmitted tensor.

    Raises:
        ValueError: unless exactly one of image and feature is given.
    """

    camera: Cameras
    image: Tensor | None = None
    feature: Tensor | None = None

    def __post_init__(self) -> None:
        """Check that there is exactly one of image and feature."""
        if (self.image is None) == (self.feature is None):
            given = 'neither' if self.image is None else 'both'
            raise ValueError(f'an infrastructure view has an image or a feature; got {given}')


def stack_cameras(cameras: Cameras | None, feature: Tensor) -> CameraBatch:
    """Stack the cameras of the feature maps [B, C, h, w] on their device.

    Raises:
        ValueError: if there are not B cameras, or one's image is larger than the padded image.
    """
    if cameras is None:
        cameras = []
    group = [cameras] if isinstance(cameras, Camera) else list(cameras)
    if len(group) != len(feature):
        raise ValueError(f'{len(group)} cameras for a batch of {len(feature)}')
    height, width = (cells * FEATURE_STRIDE for cells in feature.shape[-2:])
    for camera in group:
        if camera.image_size[0] > height or camera.image_size[1] > width:
            raise ValueError(
                f'camera image_size is {camera.image_size}, larger than the padded image '
                f'({height}, {width}); use Camera.scaled to go to the network input size'
            )
    return CameraBatch.stack(group, feature.device)


def check_input_size(cameras: Cameras | None, config: EmiffConfig) -> None:
    """Refuse cameras of images smaller than the network's input.

    Raises:
        ValueError: naming the size, for the pixels of such a camera are not those of the input.
    """
    expected = (config.image_height, config.image_width)
    for camera in [cameras] if isinstance(cameras, Camera) else cameras or []:
        if camera.image_size[0] < expected[0] or camera.image_size[1] < expected[1]:
            raise ValueError(
                f'camera image_size is {camera.image_size}; expected {expected}, the network '
                'input before padding. Use Camera.scaled to go there'
            )


def flip_tensor(flips: Sequence[bool] | Tensor | None, feature: Tensor) -> Tensor:
    """Return which samples of the feature maps [B, ...] are mirrored, [B], on their device.

    Raises:
        ValueError: if ``flips`` has another number of values.
    """
    batch = len(feature)
    if flips is None:
        return torch.zeros(batch, dtype=torch.bool, device=feature.device)
    flips = torch.as_tensor(flips, dtype=torch.bool, device=feature.device)
    if flips.shape != (batch,):
        raise ValueError(f'flips has shape {tuple(flips.shape)}; expected [{batch}]')
    return flips
