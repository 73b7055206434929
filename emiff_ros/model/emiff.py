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

"""EMIFF (arXiv 2402.15272): multi-scale image feature fusion for cooperative 3D detection.

roadside image -> InfrastructureEncoder -> radio -> FeatureDecompressor
                                                           |
vehicle image  -> VehicleEncoder -> MultiScaleCrossAttention -> ChannelMasking
                                                                      |
           decode <- AnchorHead <- neck <- ViewFusion <- VoxelSampler
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from emiff_ros.model.anchors import make_anchors
from emiff_ros.model.boxes import Boxes
from emiff_ros.model.camera import Camera, CameraBatch
from emiff_ros.model.channel_masking import ChannelMasking, camera_vector
from emiff_ros.model.compression import FeatureDecompressor
from emiff_ros.model.config import FEATURE_STRIDE, EmiffConfig
from emiff_ros.model.cross_attention import MultiScaleCrossAttention
from emiff_ros.model.decoding import decode_head_maps
from emiff_ros.model.encoders import InfrastructureEncoder, VehicleEncoder, check_image
from emiff_ros.model.head import AnchorHead, HeadMaps
from emiff_ros.model.initialisation import initialise
from emiff_ros.model.neck import make_neck
from emiff_ros.model.recorder import is_recording, record
from emiff_ros.model.view_fusion import ViewFusion
from emiff_ros.model.views import (
    Cameras,
    InfrastructureView,
    check_input_size,
    flip_tensor,
    stack_cameras,
)
from emiff_ros.model.voxels import VoxelSampler


class Emiff(nn.Module):
    """The whole network of one configuration.

    Images are float32 [B, 3, H, W], normalised and padded (see
    :func:`emiff_ros.model.preprocessing.preprocess_image`). All views of a batch share the padded
    size. Features and volumes have ``config.fpn_channels`` channels C.

    Args:
        config: which network.
        with_infrastructure_encoder: false on a vehicle that receives features and never encodes
            roadside images: the sender's weights do not exist then.
    """

    def __init__(self, config: EmiffConfig, with_infrastructure_encoder: bool = True) -> None:
        """Build the network with random weights."""
        super().__init__()
        self.config = config
        channels, roadside = config.fpn_channels, config.has_infrastructure
        if not with_infrastructure_encoder and config.modality == 'early':
            raise ValueError('modality early encodes roadside images on the vehicle itself')
        self.vehicle_encoder = VehicleEncoder(config) if config.has_vehicle else None
        self.infrastructure_encoder = (
            InfrastructureEncoder(config) if roadside and with_infrastructure_encoder else None
        )
        self.decompressor = (
            FeatureDecompressor(channels, config.compression)
            if roadside and config.compression
            else None
        )
        self.cross_attention = (
            MultiScaleCrossAttention(channels, config.has_vehicle, roadside)
            if config.cross_attention
            else None
        )
        self.channel_masking = (
            ChannelMasking(channels, config.channel_masking) if config.channel_masking else None
        )
        self.voxel_sampler = VoxelSampler(config)
        self.view_fusion = ViewFusion(config)
        self.neck = make_neck(config)
        self.head = AnchorHead(config)
        self._anchors: dict[str, Tensor] = {}
        initialise(self.neck)
        initialise(self.head)

    def encode_vehicle(self, image: Tensor) -> list[Tensor]:
        """Encode the vehicle's image [B, 3, H, W] into pyramid levels, finest first.

        It needs no roadside data, so it can run before any has arrived.
        """
        if self.vehicle_encoder is None:
            raise ValueError('modality infrastructure_only takes no vehicle image')
        return self.vehicle_encoder(image.to(self._dtype))

    def encode_infrastructure(self, image: Tensor) -> Tensor:
        """Encode roadside images [B, 3, H, W] into the transmitted tensor [B, c, h, w]."""
        if self.infrastructure_encoder is None:
            raise ValueError(
                'this network has no infrastructure encoder (modality '
                f'{self.config.modality}, or only the vehicle half was loaded); pass a feature'
            )
        return self.infrastructure_encoder(image.to(self._dtype))

    def decode_infrastructure(
        self, feature: Tensor, feature_size: tuple[int, int] | None = None
    ) -> Tensor:
        """Turn a transmitted tensor into the feature map [B, C, h, w].

        Args:
            feature: [B, c, h', w'].
            feature_size: (h, w), by default ``config.feature_size``.

        Raises:
            ValueError: if the shape of ``feature`` does not belong to that size.
        """
        size = feature_size or self.config.feature_size
        expected = self._transmitted_shape(size)
        if tuple(feature.shape[1:]) != expected or feature.ndim != 4:
            raise ValueError(
                f'infrastructure feature has shape {tuple(feature.shape)}; expected [B, '
                f'{expected[0]}, {expected[1]}, {expected[2]}] from this model and image size'
            )
        feature = feature.to(self._dtype)
        return feature if self.decompressor is None else self.decompressor(feature, size)

    def fuse(
        self,
        vehicle_levels: Sequence[Tensor] | None,
        vehicle_cameras: Cameras | None,
        infrastructure_views: Sequence[InfrastructureView] = (),
        flips: Sequence[bool] | Tensor | None = None,
    ) -> HeadMaps:
        """Fuse the encoded vehicle image with any number of roadside views, zero included.

        Args:
            vehicle_levels: output of :meth:`encode_vehicle`; None for infrastructure only.
            vehicle_cameras: one camera, or one for each sample.
            infrastructure_views: what has arrived; each for all samples of the batch.
            flips: [B], true for samples whose images and boxes are mirrored (training).

        Raises:
            ValueError: if there is no view at all, or sizes, counts or modality do not fit.
        """
        views = list(infrastructure_views)
        if views and not self.config.has_infrastructure:
            raise ValueError(
                f'modality vehicle_only takes no infrastructure views; got {len(views)}'
            )
        if (vehicle_levels is not None) != self.config.has_vehicle:
            needed = 'needs' if self.config.has_vehicle else 'takes no'
            raise ValueError(f'modality {self.config.modality} {needed} vehicle levels')
        if vehicle_levels is None and not views:
            raise ValueError('modality infrastructure_only needs at least one view; got none')

        size = None if vehicle_levels is None else tuple(vehicle_levels[0].shape[-2:])
        roadside = [self._roadside_feature(view, size) for view in views]
        finest = roadside[0] if vehicle_levels is None else vehicle_levels[0]
        groups = [vehicle_cameras] * self.config.has_vehicle + [view.camera for view in views]
        cameras = [stack_cameras(group, finest) for group in groups]
        for feature in roadside:
            if len(feature) != len(finest):
                raise ValueError(
                    f'infrastructure view has batch {len(feature)}; expected {len(finest)} as the '
                    'other views'
                )
        return self.fuse_features(vehicle_levels, roadside, cameras, flip_tensor(flips, finest))

    def fuse_features(
        self,
        vehicle_levels: Sequence[Tensor] | None,
        infrastructure_features: Sequence[Tensor],
        cameras: Sequence[CameraBatch],
        flips: Tensor,
    ) -> HeadMaps:
        """Fuse feature maps: attention, masking, sampling, fusion, neck and head, unchecked.

        Args:
            vehicle_levels: pyramid levels of the vehicle, finest first, or None.
            infrastructure_features: decoded roadside maps [B, C, h, w].
            cameras: of all views, the vehicle's first.
            flips: [B], true for mirrored samples.
        """
        vehicle, roadside = None, list(infrastructure_features)
        if vehicle_levels is not None:
            attend = self.cross_attention
            vehicle = vehicle_levels[0] if attend is None else attend.align_vehicle(vehicle_levels)
        if self.cross_attention is not None:
            roadside = [
                self.cross_attention.align_infrastructure(feature, vehicle) for feature in roadside
            ]
        features = [*([] if vehicle is None else [vehicle]), *roadside]
        if self.channel_masking is not None:
            vectors = [camera_vector(batch, flips) for batch in cameras]
            features = self.channel_masking(features, vectors)
        return self._detect_in_volume(features, cameras, flips)

    def forward_maps(
        self,
        vehicle_image: Tensor | None,
        vehicle_cameras: Cameras | None,
        infrastructure_views: Sequence[InfrastructureView] = (),
        flips: Sequence[bool] | Tensor | None = None,
    ) -> HeadMaps:
        """Run the network up to the raw head maps; differentiable, for training and evaluation.

        Arguments are those of :meth:`fuse` with the vehicle's image [B, 3, H, W] for its levels.
        """
        if is_recording():
            images = [vehicle_image, *(view.image for view in infrastructure_views)]
            shown = [image for image in images if image is not None]
            if shown:
                record('img', torch.stack(shown, dim=1))
        levels = None if vehicle_image is None else self.encode_vehicle(vehicle_image)
        return self.fuse(levels, vehicle_cameras, infrastructure_views, flips)

    forward = forward_maps

    def decode(self, maps: HeadMaps) -> list[Boxes]:
        """Turn head maps into the detections of each sample."""
        return decode_head_maps(maps, self.anchors(maps.cls_score.device), self.config)

    def detect(
        self,
        vehicle_image: Tensor | None,
        vehicle_camera: Camera | None,
        infrastructure_views: Sequence[InfrastructureView] = (),
    ) -> Boxes:
        """Detect in one frame: image [1, 3, H, W] of the configured size, views of batch 1.

        The network should be in evaluation mode: in training mode batch norms use, and remember,
        the statistics of this one frame.

        Raises:
            ValueError: if an image is not of the configured padded size, or a camera belongs to
                smaller images than the configured ones.
        """
        for image in (vehicle_image, *(view.image for view in infrastructure_views)):
            expected = (1, 3, *self.config.padded_size)
            if image is not None and tuple(image.shape) != expected:
                raise ValueError(
                    f'image has shape {tuple(image.shape)}; expected {list(expected)}'
                )
        for cameras in (vehicle_camera, *(view.camera for view in infrastructure_views)):
            check_input_size(cameras, self.config)
        with torch.no_grad():
            maps = self.forward_maps(vehicle_image, vehicle_camera, infrastructure_views)
            return self.decode(maps)[0]

    def anchors(self, device: torch.device | str = 'cpu') -> Tensor:
        """Anchors [K, 7] in float32, kept for each device."""
        key = str(device)
        if key not in self._anchors:
            with torch.inference_mode(False):
                self._anchors[key] = make_anchors(self.config, device)
        return record('anchors', self._anchors[key])

    @property
    def _dtype(self) -> torch.dtype:
        return self.head.classify.weight.dtype

    def _transmitted_shape(self, size: tuple[int, int]) -> tuple[int, int, int]:
        height, width = (cells * FEATURE_STRIDE for cells in size)
        resized = self.config.model_copy(update={'image_height': height, 'image_width': width})
        return resized.transmitted_shape

    def _roadside_feature(self, view: InfrastructureView, size: tuple[int, int] | None) -> Tensor:
        """Return the decoded feature [B, C, h, w] of one view, encoding its image if needed."""
        if view.image is None:
            if self.config.modality == 'early':
                raise ValueError('modality early takes infrastructure images; got a feature')
            return self.decode_infrastructure(view.feature, size)
        image_size = tuple(pixels // FEATURE_STRIDE for pixels in view.image.shape[-2:])
        check_image(view.image, self.config, 'infrastructure image')
        if size is not None and image_size != size:
            height, width = (cells * FEATURE_STRIDE for cells in size)
            raise ValueError(
                f'infrastructure image is {view.image.shape[-2]}x{view.image.shape[-1]}; expected '
                f"{height}x{width}, the vehicle image's padded size"
            )
        return self.decode_infrastructure(self.encode_infrastructure(view.image), image_size)

    def _detect_in_volume(
        self, features: Sequence[Tensor], cameras: Sequence[CameraBatch], flips: Tensor
    ) -> HeadMaps:
        """Sample every view into voxels, fuse the volumes, run neck and head."""
        roadside = len(features) - self.config.has_vehicle
        sides = ['v'] * self.config.has_vehicle + ['i'] * roadside
        volumes, visible = [], []
        for side, feature, batch in zip(sides, features, cameras, strict=True):
            volume, seen = self.voxel_sampler(record(f'ccm_x_{side}', feature), batch, flips)
            volumes.append(record(f'volume_{side}', volume))
            visible.append(seen)
        if is_recording():
            counts = self.config.voxels.counts
            centres = self.voxel_sampler.centres(features[0].device).view(*counts, 3)
            record('points', centres.permute(2, 1, 0, 3).reshape(-1, 3))
        vehicle = volumes[0] if self.config.has_vehicle else None
        volume = self.view_fusion(vehicle, volumes[self.config.has_vehicle :], visible)
        del volumes
        return self.head(self.neck(record('volume', volume)))
