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

"""The report and the pictures of a demo."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from emiff_msgs.msg import FusionStatus, StationStatus
from emiff_ros.dair.frames import CooperativePair, SensorFrame
from emiff_ros.demo.metrics import DriveResult
from emiff_ros.demo.replay import ReplayResult
from emiff_ros.spread import evenly_spread
from emiff_ros.stamps import nanoseconds_of
from emiff_ros.viz.birds_eye import BirdsEyeRenderer
from emiff_ros.viz.figure import (
    best_frame,
    birds_eye_picture,
    camera_picture,
    draw_hero,
)
from emiff_ros.viz.projection import CameraView
from emiff_ros.viz.records import FrameRecord
from emiff_ros.viz.report import write_report

PICTURES = 24
"""Frames that the report shows; their images are kept in memory."""

SHOWN_SCORE = 0.25
"""Boxes must score more to be drawn; AP counts all of them."""

SIZE = (1280, 720)
"""Width and height of the camera pictures, pixels."""


def write_pictures(
    results: Sequence[DriveResult], metrics: Mapping[str, Any], output: Path, command: str
) -> None:
    """Write ``report.html`` and PNGs of the most telling frame into ``output``.

    Args:
        results: at least one drive.
        metrics: content of metrics.json.
        output: folder.
        command: what makes this report again.
    """
    frames = list(frame_records(results))
    statuses = [status for result in results for status in result.cooperative.statuses.values()]
    write_report(
        output / 'report.html',
        metrics,
        frames,
        command,
        latencies_ms=[status.processing_time * 1e3 for status in statuses],
        payload_bytes=[
            size.payload for result in results for size in result.cooperative.features.values()
        ],
        max_frames=PICTURES,
    )
    best = best_frame(frames)
    pictures = {
        'overview': draw_hero(best, metrics),
        'vehicle': camera_picture(best.vehicle_image, best.vehicle_camera, best, SIZE),
        'infrastructure': camera_picture(
            best.infrastructure_image, best.infrastructure_camera, best, SIZE
        ),
        'birds_eye': birds_eye_picture(best, BirdsEyeRenderer(), legend=True),
    }
    for name, picture in pictures.items():
        cv2.imwrite(str(output / f'{name}.png'), picture)


def frame_records(results: Sequence[DriveResult]) -> Iterator[FrameRecord]:
    """Yield frames spread evenly over all drives."""
    pairs = [(result, pair) for result in results for pair in result.pairs]
    for result, pair in evenly_spread(pairs, PICTURES):
        yield _record(result, pair)


def _record(result: DriveResult, pair: CooperativePair) -> FrameRecord:
    stamp = pair.vehicle.image_stamp
    cooperative, scores = _boxes(result.cooperative, stamp)
    alone, alone_scores = _boxes(result.vehicle_only, stamp)
    status = result.cooperative.statuses.get(stamp)
    fused = status is not None and status.mode == FusionStatus.FUSED
    ground_truth, _ = pair.vehicle_boxes()
    return FrameRecord(
        frame_id=pair.vehicle.frame_id,
        vehicle_image=_image(pair.vehicle),
        infrastructure_image=_image(pair.infrastructure),
        vehicle_camera=CameraView(pair.vehicle.intrinsics(), pair.vehicle.camera_from_vehicle()),
        infrastructure_camera=CameraView(
            pair.infrastructure.intrinsics(), pair.camera_from_vehicle()
        ),
        ground_truth=ground_truth,
        cooperative=cooperative,
        cooperative_scores=scores,
        vehicle_only=alone,
        vehicle_only_scores=alone_scores,
        fused=fused,
        latency_ms=None if status is None else status.processing_time * 1e3,
        payload_bytes=None if status is None else _used_payload(result.cooperative, status),
    )


def _used_payload(replay: ReplayResult, status: FusionStatus) -> int | None:
    """Return the payload bytes of the features that were fused; None if there are none."""
    stamps = [
        nanoseconds_of(station.feature_stamp)
        for station in status.stations
        if station.state == StationStatus.USED
    ]
    payloads = [replay.features[stamp].payload for stamp in stamps if stamp in replay.features]
    return sum(payloads) if payloads else None


def _boxes(replay: ReplayResult, stamp: int) -> tuple[np.ndarray, np.ndarray]:
    found = replay.detections.get(stamp)
    if found is None:
        return np.empty((0, 7)), np.empty(0)
    shown = found.scores > SHOWN_SCORE
    return found.boxes[shown], found.scores[shown]


def _image(frame: SensorFrame) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(frame.image_bytes(), np.uint8), cv2.IMREAD_COLOR)
