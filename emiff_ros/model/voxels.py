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

"""Point-sampling voxel fusion, PSVF, first half: read image features at projected voxels.

EMIFF (arXiv 2402.15272), "Point-Sampling Voxel Fusion".
"""

import torch
from torch import Tensor
from torch.nn import functional

from emiff_ros.model.anchors import cell_centres
from emiff_ros.model.camera import CameraBatch
from emiff_ros.model.config import FEATURE_STRIDE, EmiffConfig
from emiff_ros.model.full_precision import without_autocast

OUTSIDE = -4.0
"""Normalised coordinate that, like its negative, no sampling mode maps into the feature map."""


def voxel_centres(config: EmiffConfig, device: torch.device | str = 'cpu') -> Tensor:
    """Return the centres [nx, ny, nz, 3] of a network's voxels in metres, vehicle frame."""
    voxels = config.voxels
    ranges = (voxels.x_range, voxels.y_range, voxels.z_range)
    axes = [
        cell_centres(*bounds, count) for bounds, count in zip(ranges, voxels.counts, strict=True)
    ]
    return torch.stack(torch.meshgrid(*axes, indexing='ij'), dim=-1).to(device)


def project(points: Tensor, cameras: CameraBatch, flips: Tensor) -> tuple[Tensor, Tensor]:
    """Project points of the vehicle frame into B cameras.

    A mirrored sample mirrors the points first (y -> -y) and the pixels afterwards
    (u -> width - u): its calibration is that of the picture before mirroring. The depth is not
    clamped.

    Args:
        points: [N, 3], metres.
        cameras: B cameras.
        flips: [B], true where images and boxes are mirrored.

    Returns:
        Pixels [B, N, 2] (u, v) and depths [B, N] in metres.
    """
    sign = torch.where(flips, -1.0, 1.0).to(points)
    one = torch.ones_like(sign)
    mirror = torch.stack([one, sign, one, one], dim=1)
    homogeneous = torch.cat([points, torch.ones_like(points[:, :1])], dim=1)
    with without_autocast(points.device):
        projection = torch.matmul(cameras.intrinsics, cameras.camera_from_vehicle)
        projected = torch.matmul(homogeneous * mirror.unsqueeze(1), projection.transpose(1, 2))
    depth = projected[..., 2]
    u, v = projected[..., 0] / depth, projected[..., 1] / depth
    width = cameras.image_sizes[:, 1:]
    u = torch.where(flips.unsqueeze(1), width - u, u)
    return torch.stack([u, v], dim=-1), depth


def is_visible(pixels: Tensor, depth: Tensor, cameras: CameraBatch) -> Tensor:
    """Tell which points [B, N] lie in front of the camera and inside its unpadded image."""
    height, width = cameras.image_sizes[:, :1], cameras.image_sizes[:, 1:]
    u, v = pixels.unbind(-1)
    return (depth > 0) & (u >= 0) & (u < width) & (v >= 0) & (v < height)


def sample_features(
    feature: Tensor,
    pixels: Tensor,
    mode: str = 'nearest',
    valid: Tensor | None = None,
    exact: bool = False,
) -> Tensor:
    """Read a feature map at image positions; zero outside.

    The original's mapping: pixel u of the padded width W goes to u / W * 2 - 1 and is sampled with
    ``align_corners=True``, hence index u / W * (w - 1), rounded half to even. Cell i of the
    backbone is centred on pixel 4 i, so that the exact index is (u - 0.5) / 4.

    Args:
        feature: [B, C, h, w], stride 4 of the padded image.
        pixels: [B, N, 2] (u, v); the first pixel reaches from 0 to 1.
        mode: ``nearest`` or ``bilinear``.
        valid: [B, N], false where the result shall be zero.
        exact: read at the exact index instead of the original's.

    Returns:
        [B, C, N].
    """
    height, width = feature.shape[-2:]
    if exact:
        last = pixels.new_tensor([width - 1, height - 1])
        grid = (pixels - 0.5) / FEATURE_STRIDE / last * 2 - 1
    else:
        size = pixels.new_tensor([width * FEATURE_STRIDE, height * FEATURE_STRIDE])
        grid = pixels / size * 2 - 1
    if valid is not None:
        grid = grid.masked_fill(~valid.unsqueeze(-1), OUTSIDE)
    # A point in the camera's own plane projects to infinity; bilinear weights would be NaN there.
    grid = grid.nan_to_num(OUTSIDE).clamp(OUTSIDE, -OUTSIDE)
    precision = torch.promote_types(feature.dtype, torch.float32)
    sampled = functional.grid_sample(
        feature.to(precision).contiguous(),
        grid.unsqueeze(1).to(precision),
        mode=mode,
        padding_mode='zeros',
        align_corners=True,
    )
    return sampled.squeeze(2).to(feature.dtype)


class VoxelSampler:
    """Turn one view's feature map [B, C, h, w] into a volume [B, C, nx, ny, nz].

    It has no weights. Centres stay in float32 whatever the precision of the network.
    """

    def __init__(self, config: EmiffConfig) -> None:
        """Remember the grid; centres are made on first use."""
        self.config = config
        self._centres: dict[str, Tensor] = {}

    def centres(self, device: torch.device) -> Tensor:
        """Voxel centres [nx * ny * nz, 3], z fastest, kept for each device."""
        key = str(device)
        if key not in self._centres:
            with torch.inference_mode(False):
                self._centres[key] = voxel_centres(self.config, device).reshape(-1, 3)
        return self._centres[key]

    def __call__(
        self, feature: Tensor, cameras: CameraBatch, flips: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return the volume and what the view sees of it, [B, 1, nx, ny, nz], true or false."""
        counts = self.config.voxels.counts
        pixels, depth = project(self.centres(feature.device), cameras, flips)
        valid = depth > 0 if self.config.mask_behind_camera else None
        samples = sample_features(
            feature, pixels, self.config.sampling, valid, self.config.exact_positions
        )
        visible = is_visible(pixels, depth, cameras)
        return samples.unflatten(2, counts), visible.unflatten(1, counts).unsqueeze(1)
