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

"""The numbers of a demo: AP from what arrived over DDS, bytes, latency and counters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emiff_msgs.msg import FusionStatus
from emiff_ros.dair.evaluation import (
    HEADLINES,
    PROTOCOLS,
    RANGES,
    EvaluationResult,
    Prediction,
    evaluate,
    frame_results,
    ground_truth_corners,
)
from emiff_ros.dair.frames import CooperativePair
from emiff_ros.demo.replay import ReplayResult
from emiff_ros.geometry import box_corners
from emiff_ros.provenance import git_commit

PROTOCOL = 'opendairv2x'

EVALUATED_RANGE = RANGES['overall']

VISIBLE_FRACTION = 0.25
"""An object counts as visible when at least this share of its silhouette can be seen."""


@dataclass(frozen=True)
class DriveResult:
    """One drive's pairs with the answers of both replays.

    Attributes:
        pairs: the frames that have labels.
        cooperative: replay with the roadside station.
        vehicle_only: replay without.
    """

    pairs: Sequence[CooperativePair]
    cooperative: ReplayResult
    vehicle_only: ReplayResult


def predictions(pairs: Sequence[CooperativePair], replay: ReplayResult) -> dict[str, Prediction]:
    """Return what arrived for each pair, by the id of its vehicle frame."""
    found = {
        pair.vehicle.frame_id: replay.detections.get(pair.vehicle.image_stamp) for pair in pairs
    }
    return {
        frame_id: Prediction(box_corners(detections.boxes), detections.scores)
        for frame_id, detections in found.items()
        if detections is not None
    }


def evaluate_replays(drives: Sequence[DriveResult], name: str) -> EvaluationResult:
    """Evaluate the replays ``cooperative`` or ``vehicle_only`` of all drives together.

    An image without a result is an empty prediction.
    """
    frames = []
    for drive in drives:
        found = predictions(drive.pairs, getattr(drive, name))
        frames += frame_results(drive.pairs, found, PROTOCOL)
    return evaluate(frames, PROTOCOL)


def demo_metrics(drives: Sequence[DriveResult], seed: int | None) -> dict[str, Any]:
    """Return the content of ``metrics.json``; an AP without objects is None.

    Args:
        drives: at least one.
        seed: of the generated scenes; None for recorded data.
    """
    cooperative = [drive.cooperative for drive in drives]
    ranges = {
        name: evaluate_replays(drives, name).to_dict()['ranges']
        for name in ('cooperative', 'vehicle_only')
    }
    sizes = [size for replay in cooperative for size in replay.features.values()]
    latencies = [
        status.processing_time * 1e3
        for replay in cooperative
        for status in replay.statuses.values()
    ]
    return {
        'protocol': PROTOCOL,
        'frames': sum(len(drive.pairs) for drive in drives),
        **{
            name: {measure.key: found['overall'][measure.key] for measure in HEADLINES}
            for name, found in ranges.items()
        },
        'ranges': ranges,
        'payload_bytes': _mean_and_max([size.payload for size in sizes]),
        'message_bytes': _mean_and_max([size.message for size in sizes]),
        'latency_ms': _percentiles(latencies),
        'rate_hz': float(np.mean([replay.rate for replay in cooperative])),
        'replay_speed': float(np.mean([replay.speed for replay in cooperative])),
        'images': _sum_by_node(cooperative),
        'features': _feature_counters(cooperative),
        'fused_frames': sum(
            status.mode == FusionStatus.FUSED
            for replay in cooperative
            for status in replay.statuses.values()
        ),
        'visible_share': visible_share([pair for drive in drives for pair in drive.pairs]),
        'seed': seed,
        'git_commit': git_commit(),
    }


def _mean_and_max(values: Sequence[int]) -> dict[str, float]:
    return {'mean': float(np.mean(values)) if values else 0.0, 'max': max(values, default=0)}


def _percentiles(values: Sequence[float]) -> dict[str, float | None]:
    if not values:
        return {'p50': None, 'p95': None}
    return {f'p{p}': float(np.percentile(values, p)) for p in (50, 95)}


def _sum_by_node(replays: Sequence[ReplayResult]) -> dict[str, dict[str, int]]:
    totals: dict[str, Counter[str]] = {}
    for replay in replays:
        for name, counts in replay.counters.items():
            totals.setdefault(name.rsplit('/', 1)[-1], Counter()).update(counts)
    return {name: dict(counter) for name, counter in totals.items()}


def _feature_counters(replays: Sequence[ReplayResult]) -> dict[str, int]:
    """Add up the counters of the stations' last reports."""
    total: Counter[str] = Counter()
    for replay in replays:
        total.update(replay.station_counters)
    return dict(total)


def visible_share(pairs: Sequence[CooperativePair]) -> dict[str, float | None]:
    """Return which share of the evaluated objects each side sees; None where labels do not say."""
    protocol = PROTOCOLS[PROTOCOL]
    seen: dict[str, list[float | None]] = {'vehicle': [], 'infrastructure': []}
    for pair in pairs:
        counted = protocol.keep_ground_truth(ground_truth_corners(pair, protocol), EVALUATED_RANGE)
        labels = [label for label, keep in zip(pair.labels('car'), counted, strict=True) if keep]
        for side, found in seen.items():
            found += [getattr(label, f'{side}_visible_fraction') for label in labels]
    shares: dict[str, float | None] = {}
    for side, fractions in seen.items():
        known = [fraction for fraction in fractions if fraction is not None]
        shares[side] = float(np.mean(np.asarray(known) >= VISIBLE_FRACTION)) if known else None
    return shares
