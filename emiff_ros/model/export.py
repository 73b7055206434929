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

"""Export of the deployable halves with ``torch.export``, up to the raw head maps.

The exported programs take and give plain tensors. Boxes come from
:func:`emiff_ros.model.decoding.decode_head_maps`, whose number of boxes depends on the data.
"""

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram, export

from emiff_ros.model.camera import CameraBatch
from emiff_ros.model.emiff import Emiff
from emiff_ros.model.encoders import InfrastructureEncoder


class ExportableVehicle(nn.Module):
    """The vehicle half as a function of tensors, for one sample and a fixed number of views."""

    def __init__(self, model: Emiff) -> None:
        """Wrap ``model``, in evaluation mode."""
        super().__init__()
        self.model = model.eval()
        config = model.config
        # Made here, for a tensor that is first made while tracing does not outlive the trace.
        model.voxel_sampler.centres(next(model.parameters()).device)
        self.image_size = (float(config.image_height), float(config.image_width))

    def forward(
        self,
        vehicle_image: Tensor,
        intrinsics: Tensor,
        camera_from_vehicle: Tensor,
        features: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Run the vehicle half; return the head maps as a plain tuple.

        Args:
            vehicle_image: [1, 3, H, W], normalised and padded.
            intrinsics: [1 + V, 3, 3] float32, the vehicle's camera first.
            camera_from_vehicle: [1 + V, 3, 4] float32.
            features: [V, c, h, w], the transmitted tensors.
        """
        levels = self.model.encode_vehicle(vehicle_image)
        size = (levels[0].shape[-2], levels[0].shape[-1])
        roadside = [
            self.model.decode_infrastructure(feature, size) for feature in features.split(1)
        ]
        sizes = intrinsics.new_tensor([self.image_size])
        cameras = [
            CameraBatch(k, e, sizes)
            for k, e in zip(intrinsics.split(1), camera_from_vehicle.split(1), strict=True)
        ]
        flips = torch.zeros(1, dtype=torch.bool, device=intrinsics.device)
        return tuple(self.model.fuse_features(levels, roadside, cameras, flips))


def export_infrastructure_encoder(encoder: InfrastructureEncoder) -> ExportedProgram:
    """Export the roadside half for the configured image: [1, 3, H, W] -> transmitted tensor."""
    device = next(encoder.parameters()).device
    image = torch.zeros(1, 3, *encoder.config.padded_size, device=device)
    return export(encoder.eval(), (image,), strict=False)


def export_vehicle_model(model: Emiff, views: int = 1) -> ExportedProgram:
    """Export the vehicle half with ``views`` roadside features; see :class:`ExportableVehicle`.

    Raises:
        ValueError: for a modality without vehicle or without features, or fewer than one view.
    """
    config = model.config
    if config.modality != 'cooperative':
        raise ValueError(f'modality is {config.modality}; only cooperative networks are exported')
    if views < 1:
        raise ValueError(f'views is {views}; expected at least 1')
    device = next(model.parameters()).device
    example = (
        torch.zeros(1, 3, *config.padded_size, device=device),
        torch.eye(3, device=device).repeat(1 + views, 1, 1),
        torch.eye(3, 4, device=device).repeat(1 + views, 1, 1),
        torch.zeros(views, *config.transmitted_shape, device=device),
    )
    with torch.no_grad():
        return export(ExportableVehicle(model), example, strict=False)
