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

"""Camera-aware channel masking, CCM: a camera's calibration weighs the channels of its features.

EMIFF (arXiv 2402.15272), "Camera-aware Channel Masking".
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from emiff_ros.model.camera import CameraBatch
from emiff_ros.model.config import ChannelMaskingConfig
from emiff_ros.model.layers import ConvNormReLU
from emiff_ros.model.recorder import record

CAMERA_NUMBERS = 16


def camera_vector(cameras: CameraBatch, flips: Tensor) -> Tensor:
    """Describe cameras [B] by 16 numbers each, [B, 16].

    fx, fy, cx, cy at the network's input size, then the 3x4 extrinsics row by row. For a mirrored
    image the original negates fx and cx (not W - cx), and so does this.

    Args:
        cameras: B cameras.
        flips: [B], true where the image is mirrored.
    """
    k = cameras.intrinsics
    sign = torch.where(flips, -1.0, 1.0).to(k)
    pinhole = [k[:, 0, 0] * sign, k[:, 1, 1], k[:, 0, 2] * sign, k[:, 1, 2]]
    return torch.cat([torch.stack(pinhole, dim=1), cameras.camera_from_vehicle.flatten(1)], dim=1)


class ChannelMasking(nn.Module):
    """Multiply each view's channels by a mask in (0, 1) that its camera determines.

    V maps [B, C, h, w] and camera vectors -> V maps [B, C, h, w]. One module serves all views;
    they pass it as one batch, sample by sample (v0, i0, v1, i1, ...), so that batch norms in
    training see all of them.
    """

    def __init__(self, channels: int, config: ChannelMaskingConfig) -> None:
        """Build the module for feature maps of ``channels``."""
        super().__init__()
        squeezed = channels // config.squeeze_ratio
        self.camera_norm = nn.BatchNorm1d(CAMERA_NUMBERS)
        self.camera_mlp = nn.Sequential(
            nn.Linear(CAMERA_NUMBERS, channels), nn.ReLU(), nn.Linear(channels, channels)
        )
        self.mask_mlp = nn.Sequential(
            nn.Linear(channels, squeezed), nn.ReLU(), nn.Linear(squeezed, channels)
        )
        self.reduce = ConvNormReLU(channels, channels)
        self.output = nn.Conv2d(channels, channels, 1)

    def forward(self, features: Sequence[Tensor], vectors: Sequence[Tensor]) -> list[Tensor]:
        """Mask V maps [B, C, h, w] with V camera vectors [B, 16]."""
        views = len(features)
        camera = record('ccm_input', torch.stack(list(vectors), dim=1).flatten(0, 1))
        # Not in the features' precision: autocast would round pixels and metres to 8 bits.
        normalised = record('ccm_bn', self.camera_norm(camera.to(self.camera_norm.weight.dtype)))
        embedded = record('ccm_mlp', self.camera_mlp(normalised))
        mask = record('ccm_mask', torch.sigmoid(self.mask_mlp(embedded)))
        reduced = self.reduce(torch.stack(list(features), dim=1).flatten(0, 1))
        masked = record('ccm_reduced', reduced) * mask[:, :, None, None]
        return list(self.output(masked).unflatten(0, (-1, views)).unbind(1))
