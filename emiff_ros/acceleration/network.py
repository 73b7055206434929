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

"""An EMIFF network with speed-ups, for one frame at a time."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from emiff_ros.acceleration.camera_values import camera_values, split_values
from emiff_ros.acceleration.candidates import SCORE, Candidates, boxes_from_candidates
from emiff_ros.acceleration.config import AccelerationConfig
from emiff_ros.acceleration.convolution_settings import convolution_settings
from emiff_ros.acceleration.cuda_graph import CapturedStep
from emiff_ros.acceleration.heap import keep_freed_memory, return_freed_memory
from emiff_ros.acceleration.image_preparation import ImagePreparation, shrink_with_opencv
from emiff_ros.acceleration.input_calibration import Calibration
from emiff_ros.acceleration.openvino_steps import make_steps
from emiff_ros.acceleration.voxel_reads import VoxelReads
from emiff_ros.model import Boxes, Camera, Emiff, HeadMaps, InfrastructureView
from emiff_ros.model.camera import CameraBatch
from emiff_ros.model.decoding import decode_head_maps
from emiff_ros.model.views import check_input_size


@dataclass(frozen=True, eq=False)
class AlignedView:
    """What the vehicle has of one roadside camera behind its half of the attention.

    Attributes:
        camera: at the network's input size.
        scales: of :meth:`AcceleratedEmiff.align_infrastructure`.
    """

    camera: Camera
    scales: tuple[Tensor, ...]


View = InfrastructureView | AlignedView


class UnusableBoxesError(ValueError):
    """A network computed what cannot be boxes of cars, because of what went into it."""


_SMALLEST_SIDE = 1e-3
"""Metres. What is smaller comes of offsets that no trained network gives for an image."""


def accelerate(
    model: Emiff, config: AccelerationConfig, calibration: Calibration | None = None
) -> 'AcceleratedEmiff':
    """Return a copy of a network with the speed-ups of ``config``; ``model`` stays as it is.

    Args:
        model: in evaluation mode.
        config: the speed-ups.
        calibration: what 8 bits need.

    Raises:
        ValueError: if a speed-up does not fit the network or its device, or needs a calibration
            or a package that is missing.
    """
    return AcceleratedEmiff(model, config, calibration)


class AcceleratedEmiff:
    """The network of :class:`emiff_ros.model.Emiff` for one frame at a time, faster.

    ``encode_vehicle``, ``encode_infrastructure``, ``fuse`` and ``detect`` take and give what the
    model's methods of the same names do, with a batch of one and without mirroring.
    ``encode_*_picture`` take pictures as a camera gives them and do all that needs one image
    alone; :meth:`detect_encoded` goes from there to boxes on the host in one step.

    Attributes:
        config: of the network.
        acceleration: the speed-ups.
        device: where it runs.
    """

    def __init__(
        self,
        model: Emiff,
        acceleration: AccelerationConfig,
        calibration: Calibration | None = None,
    ) -> None:
        """Copy and change ``model``; see :func:`accelerate`."""
        self.config, self.acceleration = model.config, acceleration
        self.device = next(model.parameters()).device
        if acceleration.keep_memory:
            keep_freed_memory()
        self._steps = make_steps(model, acceleration, calibration)
        if acceleration.keep_memory:
            return_freed_memory()  # what changing the weights took is of no use to any frame
        preparation = ImagePreparation(
            self.config, self.device, acceleration.dtype, acceleration.channels_last
        )
        steps = self._steps
        self._encode_vehicle = self._step(steps.encode_vehicle)
        self._encode_infrastructure = self._step(steps.encode_infrastructure)
        self._align_vehicle = self._step(steps.align_vehicle)
        self._vehicle_picture = self._step(
            lambda rgb: steps.align_vehicle(steps.encode_vehicle(preparation(rgb)))
        )
        self._infrastructure_picture = self._step(
            lambda rgb: steps.encode_infrastructure(preparation(rgb))
        )
        self._align_infrastructure = self._step(steps.align_infrastructure)
        self._fuse: dict[int, Callable[..., HeadMaps]] = {}
        self._detect: dict[int, Callable[..., Candidates]] = {}
        self._placed: dict[int, tuple[Tensor, Tensor, VoxelReads | CameraBatch]] = {}
        self._thresholds: dict[float, Tensor] = {}

    @property
    def neck(self) -> nn.Module:
        """From the voxel volume to the bird's-eye map, changed as asked for."""
        return self._steps.neck

    def encode_vehicle_picture(self, rgb: Tensor) -> Tensor:
        """Resize, normalise, encode and align the vehicle's picture [H, W, 3] uint8, red first.

        All pictures have one size, at least the network's. From pinned memory the copy to the
        device does not wait.

        Returns:
            The vehicle's map [1, C, h, w] behind its half of the attention.
        """
        with self._settings():
            return self._own(self._vehicle_picture(self._picture(rgb)))

    def encode_infrastructure_picture(self, rgb: Tensor) -> Tensor:
        """Like :meth:`encode_vehicle_picture`, into the transmitted tensor [1, c, h, w]."""
        with self._settings():
            return self._own(self._infrastructure_picture(self._picture(rgb)))

    def encode_vehicle(self, image: Tensor) -> list[Tensor]:
        """Encode the vehicle's image [1, 3, H, W] into pyramid levels, finest first."""
        with self._settings():
            return [self._own(level) for level in self._encode_vehicle(self._image(image))]

    def align_vehicle(self, levels: Sequence[Tensor]) -> Tensor:
        """Do the vehicle's half of the attention: levels of its image -> map [1, C, h, w].

        Raises:
            ValueError: for a network without a vehicle.
        """
        if not self.config.has_vehicle:
            raise ValueError('modality infrastructure_only takes no vehicle image')
        with self._settings():
            return self._own(self._align_vehicle(tuple(levels)))

    def encode_infrastructure(self, image: Tensor) -> Tensor:
        """Encode a roadside image [1, 3, H, W] into the transmitted tensor [1, c, h, w]."""
        with self._settings():
            return self._own(self._encode_infrastructure(self._image(image)))

    def align_infrastructure(self, feature: Tensor) -> tuple[Tensor, ...]:
        """Decompress a transmitted tensor [1, c, h, w] and do its half of the attention.

        It needs no vehicle, so it can be done as soon as a feature arrives.

        Returns:
            What :class:`AlignedView` takes.

        Raises:
            ValueError: if the shape is not that of this network, or it takes no feature.
        """
        if not self.config.has_infrastructure:
            raise ValueError('modality vehicle_only takes no infrastructure feature')
        expected = (1, *self.config.transmitted_shape)
        if self.config.modality == 'early':
            raise ValueError('modality early takes infrastructure images; got a feature')
        if tuple(feature.shape) != expected:
            raise ValueError(
                f'infrastructure feature has shape {tuple(feature.shape)}; expected '
                f'{list(expected)} from this model'
            )
        return self._scales(feature)

    def _scales(self, feature: Tensor) -> tuple[Tensor, ...]:
        with self._settings():
            feature = feature.to(self.device, self.acceleration.dtype, non_blocking=True)
            return tuple(self._own(scale) for scale in self._align_infrastructure(feature))

    def fuse(
        self,
        vehicle_levels: Sequence[Tensor] | None,
        vehicle_camera: Camera | None,
        infrastructure_views: Sequence[InfrastructureView] = (),
    ) -> HeadMaps:
        """Fuse the encoded vehicle image with any number of roadside views, zero included.

        Raises:
            ValueError: if there is no view at all, or sizes or modality do not fit.
        """
        vehicle_map = None if vehicle_levels is None else self.align_vehicle(vehicle_levels)
        return self._fuse_aligned(vehicle_map, vehicle_camera, infrastructure_views)

    def _fuse_aligned(
        self,
        vehicle_map: Tensor | None,
        vehicle_camera: Camera | None,
        infrastructure_views: Sequence[View],
    ) -> HeadMaps:
        with self._settings():
            inputs = self._inputs(vehicle_map, vehicle_camera, infrastructure_views)
            step = self._fuse.setdefault(len(infrastructure_views), self._step(self._steps.fuse))
            return HeadMaps(*(self._own(maps) for maps in step(*inputs)))

    def detect_encoded(
        self,
        vehicle_map: Tensor | None,
        vehicle_camera: Camera | None,
        infrastructure_views: Sequence[View] = (),
        score_threshold: float | None = None,
    ) -> Boxes:
        """Fuse and decode; the boxes come back on the CPU.

        Args:
            vehicle_map: of :meth:`encode_vehicle_picture` or :meth:`align_vehicle`; None for
                infrastructure only.
            vehicle_camera: of that image.
            infrastructure_views: what has arrived, aligned or not.
            score_threshold: that boxes must exceed; the configured one by default.

        Raises:
            UnusableBoxesError: if boxes or scores are not finite or a box has no size, as behind
                a feature of huge values.
            ValueError: if there is no view at all, or sizes or modality do not fit.
        """
        threshold = self.config.detection.score_threshold
        threshold = threshold if score_threshold is None else score_threshold
        if not self.acceleration.device_decoding:
            maps = self._fuse_aligned(vehicle_map, vehicle_camera, infrastructure_views)
            config = self.config.with_score_threshold(threshold)
            boxes = decode_head_maps(maps, self._steps.anchors, config)[0].to('cpu')
            return _usable(boxes, maps.cls_score)
        with self._settings():
            inputs = self._inputs(vehicle_map, vehicle_camera, infrastructure_views)
            step = self._detect.setdefault(
                len(infrastructure_views), self._step(self._steps.detect)
            )
            candidates = step(self._threshold(threshold), *inputs)
            rows = candidates.rows.cpu()
            return _usable(boxes_from_candidates(candidates, rows, self.config), rows[:-1, SCORE])

    def detect(
        self,
        vehicle_image: Tensor | None,
        vehicle_camera: Camera | None,
        infrastructure_views: Sequence[InfrastructureView] = (),
    ) -> Boxes:
        """Detect in one frame: image [1, 3, H, W] of the configured size, views of batch 1."""
        vehicle = None
        if vehicle_image is not None:
            vehicle = self.align_vehicle(self.encode_vehicle(vehicle_image))
        return self.detect_encoded(vehicle, vehicle_camera, infrastructure_views)

    def _step(self, function: Callable[..., Any]) -> Callable[..., Any]:
        graphs = self.acceleration.cuda_graphs
        return CapturedStep(function, self.device) if graphs else function

    def _own(self, result: Tensor) -> Tensor:
        """Copy what the next call of a captured step overwrites."""
        return result.clone() if self.acceleration.cuda_graphs else result

    @contextmanager
    def _settings(self) -> Iterator[None]:
        """Want no gradients, and set what cuDNN has for the whole process, for one call."""
        acceleration, settings = self.acceleration, nullcontext()
        if self.device.type == 'cuda':
            tf32 = acceleration.precision == 'tf32'
            settings = convolution_settings(acceleration.autotune, tf32)
        with torch.no_grad(), settings:
            yield

    def _threshold(self, value: float) -> Tensor:
        if value not in self._thresholds:
            with torch.inference_mode(False):
                self._thresholds[value] = torch.tensor(value).to(self.device)
        return self._thresholds[value]

    def _picture(self, rgb: Tensor) -> Tensor:
        if self.acceleration.opencv_resize:
            rgb = shrink_with_opencv(rgb, self.config)
        graphs = self.acceleration.cuda_graphs
        return rgb if graphs else rgb.to(self.device, non_blocking=True)

    def _image(self, image: Tensor) -> Tensor:
        expected = (1, 3, *self.config.padded_size)
        if tuple(image.shape) != expected:
            raise ValueError(f'image has shape {tuple(image.shape)}; expected {list(expected)}')
        image = image.to(self.device, self.acceleration.dtype)
        if not self.acceleration.channels_last:
            return image.contiguous()
        return image.contiguous(memory_format=torch.channels_last)

    def _inputs(
        self,
        vehicle_map: Tensor | None,
        camera: Camera | None,
        views: Sequence[View],
    ) -> tuple[Any, ...]:
        """Return the arguments of :meth:`NetworkSteps.fuse`, checked."""
        config = self.config
        if views and not config.has_infrastructure:
            raise ValueError(
                f'modality vehicle_only takes no infrastructure views; got {len(views)}'
            )
        if (vehicle_map is not None) != config.has_vehicle:
            needed = 'needs a' if config.has_vehicle else 'takes no'
            raise ValueError(f'modality {config.modality} {needed} vehicle image')
        if vehicle_map is None and not views:
            raise ValueError('modality infrastructure_only needs at least one view; got none')
        vehicle = () if vehicle_map is None else (self._vehicle_map(vehicle_map),)
        roadside = tuple(self._aligned(view) for view in views)
        cameras = [camera] * config.has_vehicle + [view.camera for view in views]
        placed = [self._place(slot, one) for slot, one in enumerate(cameras)]
        vectors = tuple(vector for vector, _ in placed)
        return vehicle, roadside, vectors, tuple(where for _, where in placed)

    def _vehicle_map(self, vehicle_map: Tensor) -> Tensor:
        expected = (1, self.config.fpn_channels, *self.config.feature_size)
        if tuple(vehicle_map.shape) != expected:
            raise ValueError(
                f'vehicle_map has shape {tuple(vehicle_map.shape)}; expected {list(expected)} of '
                'encode_vehicle_picture or align_vehicle'
            )
        return vehicle_map

    def _aligned(self, view: View) -> tuple[Tensor, ...]:
        """Return the scales of one view."""
        if isinstance(view, AlignedView):
            return view.scales
        if view.image is not None:
            return self._scales(self.encode_infrastructure(view.image))
        return self.align_infrastructure(view.feature)

    def _place(self, slot: int, camera: Camera | Sequence[Camera] | None) -> tuple[Tensor, Any]:
        """Return a view's camera vector and where its voxels lie; both kept while it rests."""
        group = [camera] if isinstance(camera, Camera) else list(camera or ())
        if len(group) != 1:
            raise ValueError(f'{len(group)} cameras for a batch of 1')
        check_input_size(group[0], self.config)
        height, width = self.config.padded_size
        if group[0].image_size[0] > height or group[0].image_size[1] > width:
            raise ValueError(
                f'camera image_size is {group[0].image_size}, larger than the padded image '
                f'({height}, {width}); use Camera.scaled to go to the network input size'
            )
        values = camera_values(group[0])
        kept = self._placed.get(slot)
        if kept is None or not torch.equal(kept[0], values):
            with torch.inference_mode(False), torch.no_grad():
                vector, place = split_values(self._to_device(values))
                where = (
                    self._steps.reader.locate(place)
                    if self.acceleration.indexed_sampling
                    else CameraBatch.stack(group, self.device)
                )
            kept = self._placed[slot] = (values, vector, where)
        return kept[1], kept[2]

    def _to_device(self, values: Tensor) -> Tensor:
        if self.device.type != 'cuda':
            return values
        return values.pin_memory().to(self.device, non_blocking=True)


def _usable(boxes: Boxes, scores: Tensor) -> Boxes:
    """Return ``boxes`` if they have a size, and they and all ``scores`` are finite."""
    fault = None
    if not (scores.isfinite().all() and boxes.boxes.isfinite().all()):
        fault = 'boxes or scores are not finite'
    elif (boxes.boxes[:, 3:6] < _SMALLEST_SIDE).any():
        fault = f'a box measures {boxes.boxes[:, 3:6].min():.3g} m'
    if fault:
        raise UnusableBoxesError(
            f'{fault}; expected boxes of an image and of features of this network: check the '
            "sender's values"
        )
    return boxes
