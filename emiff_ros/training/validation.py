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

"""Average precision of a network during training, with and without the roadside view."""

from collections.abc import Sequence

import numpy as np

from emiff_ros.dair.evaluation import FrameResult, evaluate
from emiff_ros.geometry import box_corners
from emiff_ros.model.boxes import Boxes
from emiff_ros.model.emiff import Emiff
from emiff_ros.training.batch import Batch

PROTOCOL = 'opendairv2x'


def predict(
    model: Emiff, batch: Batch, vehicle_only: bool
) -> tuple[list[FrameResult], list[FrameResult]]:
    """Detect in a batch with all views and, if asked, with the vehicle's alone.

    The vehicle's encoder runs once for both.

    Returns:
        Results with all views, and without the roadside view (empty if not asked for).
    """
    levels = None
    if model.config.has_vehicle:
        levels = model.encode_vehicle(batch.vehicle_images)
    cameras = batch.vehicle_cameras if model.config.has_vehicle else None
    maps = model.fuse(levels, cameras, batch.infrastructure_views, batch.flips)
    fused = frame_results(batch, model.decode(maps))
    if not vehicle_only or model.config.modality not in ('cooperative', 'early'):
        return fused, []
    maps = model.fuse(levels, cameras, (), batch.flips)
    return fused, frame_results(batch, model.decode(maps))


def frame_results(batch: Batch, detections: Sequence[Boxes]) -> list[FrameResult]:
    """Put the detections of a batch beside its ground truth."""
    return [
        FrameResult(
            corners, box_corners(found.boxes.cpu().numpy()), found.scores.cpu().numpy(), name
        )
        for corners, found, name in zip(batch.corners, detections, batch.names, strict=True)
    ]


def average_precisions(frames: Sequence[FrameResult], prefix: str) -> dict[str, float]:
    """Return AP in percent by name (``PREFIXap_bev_50``, ...); 0 where it is undefined."""
    values = evaluate(frames, PROTOCOL).percentages()
    return {f'{prefix}{name}': float(np.nan_to_num(value)) for name, value in values.items()}
