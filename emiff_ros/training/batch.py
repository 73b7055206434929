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

"""Batches: samples stacked into tensors that the network and the losses take."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
import torch
from torch import Tensor

from emiff_ros.model.boxes import width_first_from_length_first
from emiff_ros.model.camera import Camera
from emiff_ros.model.config import EmiffConfig
from emiff_ros.model.emiff import InfrastructureView
from emiff_ros.model.preprocessing import normalise_and_pad
from emiff_ros.training.dataset import TrainingSample
from emiff_ros.training.sample import View


@dataclass(frozen=True)
class Batch:
    """B samples that either all have the roadside view or all lack it.

    Attributes:
        names: vehicle frame ids.
        vehicle_images: float32 ``[B, 3, H, W]``, normalised and padded.
        vehicle_cameras: one for each sample.
        infrastructure_images: likewise, or None.
        infrastructure_cameras: one for each sample; empty without roadside view.
        flips: bool ``[B]``, mirrored samples.
        boxes: ground truth ``[G, 7]`` of each sample in the network's box convention.
        ignored: bool ``[G]`` of each sample.
        vehicle_centres, infrastructure_centres: ``[M, 3]`` of each sample, the visible objects'
            centres in the image (u, v, apparent size), pixels.
        corners: ``[G', 8, 3]`` of each sample, for the evaluation.
    """

    names: list[str]
    vehicle_images: Tensor
    vehicle_cameras: list[Camera]
    infrastructure_images: Tensor | None
    infrastructure_cameras: list[Camera]
    flips: Tensor
    boxes: list[Tensor]
    ignored: list[Tensor]
    vehicle_centres: list[Tensor]
    infrastructure_centres: list[Tensor]
    corners: list[NDArray[np.float64]]

    @property
    def infrastructure_views(self) -> list[InfrastructureView]:
        """Return the roadside views as the network takes them."""
        if self.infrastructure_images is None:
            return []
        return [InfrastructureView(self.infrastructure_cameras, image=self.infrastructure_images)]

    def to(self, device: torch.device, **_: object) -> 'Batch':
        """Return the batch with its tensors on ``device`` (Lightning calls this)."""
        roadside = self.infrastructure_images
        return replace(
            self,
            vehicle_images=self.vehicle_images.to(device),
            infrastructure_images=None if roadside is None else roadside.to(device),
            flips=self.flips.to(device),
            boxes=[boxes.to(device) for boxes in self.boxes],
            ignored=[ignored.to(device) for ignored in self.ignored],
            vehicle_centres=[centres.to(device) for centres in self.vehicle_centres],
            infrastructure_centres=[centres.to(device) for centres in self.infrastructure_centres],
        )


def collate(samples: Sequence[TrainingSample], model: EmiffConfig) -> Batch:
    """Stack samples; images of different size are padded to the largest.

    Raises:
        ValueError: if only some of the samples have the roadside view.
    """
    with_roadside = [item.sample.infrastructure is not None for item in samples]
    if any(with_roadside) != all(with_roadside):
        raise ValueError(
            'only some samples of the batch have the roadside view; expected all or none'
        )
    views = [view for item in samples for view in item.sample.views]
    height = model.padded(max(view.image.shape[0] for view in views))
    width = model.padded(max(view.image.shape[1] for view in views))

    def stack(group: Sequence[View]) -> Tensor:
        images = [normalise_and_pad(torch.from_numpy(v.image), height, width) for v in group]
        return torch.stack(images)

    vehicle = [item.sample.vehicle for item in samples]
    roadside = [item.sample.infrastructure for item in samples if item.sample.infrastructure]
    return Batch(
        names=[item.sample.name for item in samples],
        vehicle_images=stack(vehicle),
        vehicle_cameras=[_camera(view) for view in vehicle],
        infrastructure_images=stack(roadside) if roadside else None,
        infrastructure_cameras=[_camera(view) for view in roadside],
        flips=torch.tensor([item.sample.flipped for item in samples]),
        boxes=[_boxes(item, model) for item in samples],
        ignored=[torch.from_numpy(item.ignored) for item in samples],
        vehicle_centres=[torch.from_numpy(item.centres[0]).float() for item in samples],
        infrastructure_centres=[torch.from_numpy(item.centres[-1]).float() for item in samples]
        if roadside
        else [],
        corners=[item.corners for item in samples],
    )


def _camera(view: View) -> Camera:
    return Camera(view.intrinsics, view.camera_from_vehicle, view.image.shape[:2])


def _boxes(item: TrainingSample, model: EmiffConfig) -> Tensor:
    boxes = torch.from_numpy(item.sample.boxes).float()
    if model.box_convention == 'width_first':
        return width_first_from_length_first(boxes)
    return boxes
