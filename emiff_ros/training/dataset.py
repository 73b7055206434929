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

"""Cooperative pairs of DAIR-V2X-C folders as training samples at the network's input size."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Dataset
from tqdm import tqdm

from emiff_ros.dair.frames import CooperativePair, SensorFrame
from emiff_ros.dair.reader import DairFolder
from emiff_ros.geometry import wrap_to_pi
from emiff_ros.model.camera import Camera
from emiff_ros.model.config import EmiffConfig
from emiff_ros.training.augmentation import AugmentationConfig, augment, disturb_roadside, mirror
from emiff_ros.training.config import GroundTruthConfig
from emiff_ros.training.image_cache import ImageCache, default_cache_folder
from emiff_ros.training.sample import Sample, View
from emiff_ros.training.sampler import SampleKey
from emiff_ros.training.scene import Scene, check_labels, read_scene


@dataclass(frozen=True)
class FolderPairs:
    """Some pairs of one folder, for instance a split."""

    folder: DairFolder
    pairs: Sequence[CooperativePair]


@dataclass(frozen=True)
class TrainingSample:
    """A sample as the network's input and targets need it.

    Attributes:
        sample: images, calibration and the ground truth in range.
        ignored: bool ``[N]``, ground truth that is taken out of the loss.
        centres: for each view ``[M, 3]`` the visible objects' centres and apparent sizes in its
            image (u, v, size), pixels, out of range objects included.
        corners: ``[G, 8, 3]`` true corners of all labels in the vehicle frame, unfiltered, for the
            evaluation of a sample without random changes.
    """

    sample: Sample
    ignored: NDArray[np.bool_]
    centres: list[NDArray[np.float64]]
    corners: NDArray[np.float64]


@dataclass(frozen=True)
class _Record:
    """What is kept of a pair: calibration and ground truth, and where its images are."""

    name: str
    folder: int
    vehicle: View
    infrastructure: View
    vehicle_index: int
    infrastructure_index: int
    scene: Scene


class CooperativeDataset(Dataset[TrainingSample]):
    """Pairs of one or more folders; ground truth and calibration are read once, images are cached.

    Args:
        sources: pairs by folder.
        model: gives the input size and the range of the ground truth.
        augmentation: random changes; None yields every pair as it is.
        ground_truth: which boxes are learned.
        seed: of the random changes, together with the key of a sample.
        cache_folder: where resized images are kept; by default the user's cache folder.

    Raises:
        ValueError: if there is no pair at all, or the labels are of a side that the network does
            not see alone.
        DairError: if a file is missing or broken.
    """

    def __init__(
        self,
        sources: Sequence[FolderPairs],
        model: EmiffConfig,
        augmentation: AugmentationConfig | None = None,
        ground_truth: GroundTruthConfig | None = None,
        seed: int = 0,
        cache_folder: Path | None = None,
    ) -> None:
        """See the class."""
        self.model = model
        self.augmentation = augmentation
        self.ground_truth = ground_truth or GroundTruthConfig()
        check_labels(self.ground_truth.labels, model.modality)
        self.seed = seed
        self._records: list[_Record] = []
        self._vehicle_images: list[ImageCache] = []
        self._infrastructure_images: list[ImageCache] = []
        cache_folder = cache_folder or default_cache_folder()
        delay = augmentation.frame_delay if augmentation else 0
        for source in sources:
            pairs = _delayed(source, delay)
            if pairs:
                self._add(source.folder.root, pairs, cache_folder)
        if not self._records:
            names = ', '.join(str(source.folder.root) for source in sources) or 'no folder'
            raise ValueError(
                f'no cooperative pair in {names}'
                + (f' has a roadside frame {delay} frames older' if delay else '')
                + '; give a folder with pairs'
            )

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self._records)

    def __getitem__(self, key: SampleKey | int) -> TrainingSample:
        """Return one sample; the same key always gives the same sample."""
        if not isinstance(key, SampleKey):
            key = SampleKey(int(key))
        record = self._records[key.index]
        sample = self._load(record, key.roadside)
        if self.augmentation is None:
            return self._finish(sample, record)
        random = np.random.default_rng([self.seed, key.epoch, key.index])
        mirrored = random.uniform() < self.augmentation.mirror_probability
        item = self._finish(augment(sample, self.augmentation, random), record, mirrored)
        return replace(item, sample=disturb_roadside(item.sample, self.augmentation, random))

    def cameras(self) -> list[Camera]:
        """Return the cameras of every pair that the network sees, at its input size."""
        size = self.model.image_height, self.model.image_width
        sides = ['vehicle'] * self.model.has_vehicle
        sides += ['infrastructure'] * self.model.has_infrastructure
        views = [getattr(record, side) for record in self._records for side in sides]
        return [Camera(view.intrinsics, view.camera_from_vehicle, size) for view in views]

    def _add(self, root: Path, pairs: Sequence[CooperativePair], cache_folder: Path) -> None:
        size = self.model.image_height, self.model.image_width
        vehicles = {pair.vehicle.frame_id: pair.vehicle for pair in pairs}
        stations = {pair.infrastructure.frame_id: pair.infrastructure for pair in pairs}
        for frames, caches, side in (
            (vehicles, self._vehicle_images, 'vehicle'),
            (stations, self._infrastructure_images, 'infrastructure'),
        ):
            if side == 'infrastructure' and not self.model.has_infrastructure:
                frames = {}
            paths = [frame.image_path for frame in frames.values()]
            caches.append(ImageCache(paths, *size, cache_folder, f'{root.name} {side}'))
        vehicle_index = {frame_id: index for index, frame_id in enumerate(vehicles)}
        infrastructure_index = {frame_id: index for index, frame_id in enumerate(stations)}
        folder = len(self._vehicle_images) - 1
        for pair in tqdm(pairs, desc='reading labels', unit='pair', leave=False):
            scene = read_scene(pair, self.ground_truth.labels)
            self._records.append(
                _Record(
                    name=pair.vehicle.frame_id,
                    folder=folder,
                    vehicle=self._view(pair.vehicle, scene.vehicle_camera_from_frame),
                    infrastructure=self._view(
                        pair.infrastructure, scene.infrastructure_camera_from_frame
                    ),
                    vehicle_index=vehicle_index[pair.vehicle.frame_id],
                    infrastructure_index=infrastructure_index[pair.infrastructure.frame_id],
                    scene=scene,
                )
            )

    def _view(self, frame: SensorFrame, camera_from_vehicle: NDArray[np.float64]) -> View:
        """Return calibration at the network's input size, with an empty image."""
        height, width = frame.image_size
        scale = np.diag([self.model.image_width / width, self.model.image_height / height, 1.0])
        empty = np.zeros((0, 0, 3), np.uint8)
        return View(empty, scale @ frame.intrinsics(), camera_from_vehicle)

    def _load(self, record: _Record, roadside: bool) -> Sample:
        vehicle_image = self._vehicle_images[record.folder][record.vehicle_index]
        infrastructure = None
        if roadside and self.model.has_infrastructure:
            images = self._infrastructure_images[record.folder]
            infrastructure = replace(
                record.infrastructure, image=images[record.infrastructure_index]
            )
        return Sample(
            name=record.name,
            vehicle=replace(record.vehicle, image=vehicle_image),
            infrastructure=infrastructure,
            boxes=record.scene.boxes,
            vehicle_visible=record.scene.vehicle_visible * self.model.has_vehicle,
            infrastructure_visible=record.scene.infrastructure_visible,
        )

    def _finish(self, sample: Sample, record: _Record, mirrored: bool = False) -> TrainingSample:
        """Mirror if asked, then keep the ground truth in range and mark what is ignored."""
        unseen = np.zeros(len(sample.boxes), bool)
        if self.ground_truth.min_visible_fraction > 0:
            unseen = sample.visible() < self.ground_truth.min_visible_fraction
        centres = sample.image_centres(max(self.ground_truth.min_visible_fraction, 0.01))
        if mirrored:
            sample = mirror(sample)
            for view, found in zip(sample.views, centres, strict=True):
                found[:, 0] = view.image.shape[1] - found[:, 0]
        keep = self._in_range(sample.boxes)
        if self.ground_truth.unseen == 'drop':
            keep &= ~unseen
        sample = sample.select(keep)
        boxes = sample.boxes.copy()
        boxes[:, 6] = wrap_to_pi(boxes[:, 6])
        sample = replace(sample, boxes=boxes)
        return TrainingSample(sample, unseen[keep], centres, record.scene.corners)

    def _in_range(self, boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell which centres lie strictly inside the voxel grid (bird's-eye view)."""
        voxels = self.model.voxels
        inside_x = (boxes[:, 0] > voxels.x_range[0]) & (boxes[:, 0] < voxels.x_range[1])
        inside_y = (boxes[:, 1] > voxels.y_range[0]) & (boxes[:, 1] < voxels.y_range[1])
        return inside_x & inside_y


def _delayed(source: FolderPairs, frames: int) -> list[CooperativePair]:
    """Return the source's pairs with an older roadside frame; pairs without one are left out."""
    if not frames:
        return list(source.pairs)
    delayed = (source.folder.delayed(pair, frames) for pair in source.pairs)
    return [pair for pair in delayed if pair is not None]
