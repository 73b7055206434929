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

"""What an accelerated network does, as functions of tensors that never look at the host."""

from collections.abc import Sequence
import copy
from typing import Any

import torch
from torch import Tensor, nn

from emiff_ros.acceleration.batch_norm import fold_batch_norms
from emiff_ros.acceleration.calibration import NeckCalibration
from emiff_ros.acceleration.candidates import Candidates, find_candidates
from emiff_ros.acceleration.column_neck import ColumnNeck
from emiff_ros.acceleration.config import AccelerationConfig
from emiff_ros.acceleration.deformable_taps import read_deformations_by_taps
from emiff_ros.acceleration.fused_convolution import fuse_activations
from emiff_ros.acceleration.heap import LARGEST_KEPT, return_freed_memory
from emiff_ros.acceleration.input_calibration import Calibration, checked_calibration
from emiff_ros.acceleration.precision import set_precision
from emiff_ros.acceleration.quantized_neck import QuantizedNeck
from emiff_ros.acceleration.rounded_parts import round_attention, round_encoder, round_neck
from emiff_ros.acceleration.stem import pool_in_slices
from emiff_ros.acceleration.volume_neck import HeightMajorNeck
from emiff_ros.acceleration.voxel_reads import VoxelReader, VoxelReads
from emiff_ros.model import Emiff, HeadMaps
from emiff_ros.model.camera import CameraBatch
from emiff_ros.model.channels_last import put_channels_last
from emiff_ros.model.neck import FoldedNeck, VolumeNeck

Maps = tuple[Tensor, ...]

Places = tuple[VoxelReads | CameraBatch, ...]
"""Where the voxels lie in each view, the vehicle's first; cameras without indexed sampling."""


class NetworkSteps:
    """The steps of one network: batch 1, no checks, nothing mirrored.

    Attributes:
        config: of the network.
        acceleration: the speed-ups.
        reader: of the voxel grid.
        anchors: [A, 7] on the network's device.
    """

    def __init__(
        self,
        model: Emiff,
        acceleration: AccelerationConfig,
        calibration: Calibration | None = None,
    ) -> None:
        """Copy ``model`` and change the copy; 8 bits need a ``calibration``.

        Raises:
            ValueError: if a speed-up does not fit the network or its device.
        """
        device = next(model.parameters()).device
        _check(model, acceleration, device)
        self.config, self.acceleration = model.config, acceleration
        self._model = _changed(model, acceleration, calibration)
        self.reader = VoxelReader(self.config, device)
        self.anchors = self._model.anchors(device)

    @property
    def neck(self) -> nn.Module:
        """From the volume to the bird's-eye map."""
        return self._model.neck

    def encode_vehicle(self, image: Tensor) -> list[Tensor]:
        """Encode the vehicle's image [1, 3, H, W]."""
        return self._model.encode_vehicle(image)

    def align_vehicle(self, levels: Sequence[Tensor]) -> Tensor:
        """Do the vehicle's half of the attention, which needs no roadside data: [1, C, h, w]."""
        return vehicle_map(self._model, levels)

    def align_infrastructure(self, feature: Tensor) -> Maps:
        """Decompress a transmitted tensor [1, c, h', w'] and do its half of the attention.

        Returns:
            Its aligned scales [1, C, h, w]; without attention the decoded feature alone.
        """
        return aligned_scales(self._model, feature)

    def encode_infrastructure(self, image: Tensor) -> Tensor:
        """Encode a roadside image [1, 3, H, W]."""
        return self._model.encode_infrastructure(image)

    def fuse(
        self, vehicle: Maps, roadside: tuple[Maps, ...], vectors: Maps, places: Places
    ) -> HeadMaps:
        """Fuse encoded images; arguments as of :meth:`attend` and :meth:`volume`."""
        return self.predict(self.volume(self.attend(vehicle, roadside, vectors), places))

    def attend(self, vehicle: Maps, roadside: tuple[Maps, ...], vectors: Maps) -> Maps:
        """Weigh the scales and mask the channels: one map [1, C, h, w] for each view.

        Args:
            vehicle: its map of :meth:`align_vehicle`; none without a vehicle.
            roadside: what :meth:`align_infrastructure` made of each view.
            vectors: camera vectors [16] of all views.
        """
        if self._model.cross_attention is None:
            seen = [scales[0] for scales in roadside]
        else:
            seen = [self.weigh(vehicle, scales) for scales in roadside]
        maps = (*vehicle, *seen)
        return maps if self._model.channel_masking is None else self.mask(maps, vectors)

    def weigh(self, vehicle: Maps, scales: Maps) -> Tensor:
        """Weigh the aligned scales of one view by the vehicle's map, if there is one."""
        query = vehicle[0] if vehicle else None
        return self._model.cross_attention.weigh_scales(scales, query)

    def mask(self, maps: Maps, vectors: Maps) -> Maps:
        """Mask the channels of each view's map as its camera vector [16] says."""
        rows = [vector.view(1, -1) for vector in vectors]
        return tuple(self._model.channel_masking(maps, rows))

    def volume(self, maps: Maps, places: Places) -> Tensor:
        """Sample the maps of all views where ``places`` says: [1, C, nx, ny, nz]."""
        if self.acceleration.indexed_sampling:
            return self.reader.sample(maps, places)
        flips = torch.zeros(1, dtype=torch.bool, device=maps[0].device)
        model = self._model
        sampled = [
            model.voxel_sampler(feature, cameras, flips)
            for feature, cameras in zip(maps, places, strict=True)
        ]
        volumes, visible = zip(*sampled, strict=True)
        vehicle = volumes[0] if self.config.has_vehicle else None
        return model.view_fusion(vehicle, volumes[self.config.has_vehicle :], visible)

    def predict(self, volume: Tensor) -> HeadMaps:
        """Run neck and head."""
        if self.acceleration.keep_memory and volume.nbytes > LARGEST_KEPT:
            return_freed_memory()  # of encoders and attention; no piece of it fits a volume
        return self._model.head(self._model.neck(volume))

    def detect(self, threshold: Tensor, *inputs: Any) -> Candidates:
        """Fuse ``inputs`` as :meth:`fuse` does and decode with a score threshold."""
        return self.decode(threshold, self.fuse(*inputs))

    def decode(self, threshold: Tensor, maps: HeadMaps) -> Candidates:
        """Find the candidates in the head's maps."""
        return find_candidates(maps, self.anchors, self.config, threshold)


def vehicle_map(model: Emiff, levels: Sequence[Tensor]) -> Tensor:
    """Levels of the vehicle's pyramid -> its map behind its half of the attention."""
    attention = model.cross_attention
    return levels[0] if attention is None else attention.align_vehicle(levels)


def aligned_scales(model: Emiff, feature: Tensor) -> Maps:
    """Transmitted tensor -> its aligned scales; without attention the decoded feature alone."""
    decoded = model.decode_infrastructure(feature, model.config.feature_size)
    attention = model.cross_attention
    return (decoded,) if attention is None else tuple(attention.align_scales(decoded))


def _check(model: Emiff, acceleration: AccelerationConfig, device: torch.device) -> None:
    if model.training:
        raise ValueError('the network is in training mode; call eval() before accelerating it')
    acceleration.check_device(device, 'this network')
    if acceleration.neck in ('winograd', 'int8') and device.type != 'cpu':
        raise ValueError(f'neck {acceleration.neck} needs a CPU; this network is on {device}')
    folded = model.config.neck.kind == 'folded'
    if acceleration.neck == 'int8' and folded and acceleration.engine != 'openvino':
        raise ValueError('a folded neck in 8 bits needs engine openvino')
    if acceleration.indexed_sampling and model.config.view_fusion == 'concatenate':
        raise ValueError(
            'indexed_sampling adds the views up while it samples; it does not fit view_fusion '
            'concatenate. Switch it off'
        )


def _changed(
    model: Emiff, acceleration: AccelerationConfig, calibration: Calibration | None
) -> Emiff:
    """Return a copy of the network with other weights, layouts and neck."""
    model = copy.deepcopy(model).requires_grad_(False)
    if acceleration.fold_batch_norm:
        fold_batch_norms(model)
    if acceleration.neck != 'plain' and isinstance(model.neck, VolumeNeck):
        model.neck = _height_major(model.neck, acceleration, calibration)
    if acceleration.channels_last and isinstance(model.neck, FoldedNeck):
        model.neck = ColumnNeck(model.neck, model.config.voxels.counts[2])
    if acceleration.fused_activations:
        fuse_activations(model)
    _round(model, acceleration, calibration)
    if acceleration.sliced_pooling:
        pool_in_slices(model)
    if acceleration.compiled_taps:
        read_deformations_by_taps(model)
    set_precision(model, acceleration.dtype)
    if acceleration.channels_last:
        put_channels_last(model)
    return model


def _round(
    model: Emiff, acceleration: AccelerationConfig, calibration: Calibration | None
) -> None:
    """Round what the configuration says to 8 bits, in place; a 3D neck is rounded elsewhere."""
    if acceleration.neck == 'int8' and isinstance(model.neck, ColumnNeck):
        round_neck(model.neck, checked_calibration(calibration).part('neck'))
    if acceleration.quantized_encoders:
        for name in ('vehicle_encoder', 'infrastructure_encoder'):
            encoder = getattr(model, name, None)
            if encoder is not None:
                round_encoder(encoder, checked_calibration(calibration).part(name))
    if acceleration.quantized_attention and model.cross_attention is not None:
        scales = checked_calibration(calibration).part('cross_attention')
        # What the decoder gives is behind a ReLU; what a pyramid gives has both signs.
        round_attention(model.cross_attention, scales, model.decompressor is not None)


def _height_major(
    neck: VolumeNeck, acceleration: AccelerationConfig, calibration: Calibration | None
) -> nn.Module:
    if acceleration.neck != 'int8':
        return HeightMajorNeck(neck, acceleration.neck, acceleration.fused_activations)
    if not isinstance(calibration, NeckCalibration):
        raise ValueError('neck int8 needs a calibration; see NeckObserver')
    return QuantizedNeck(HeightMajorNeck(neck, 'conv3d'), calibration)
