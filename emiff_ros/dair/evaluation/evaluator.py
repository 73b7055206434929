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

"""Evaluation of a whole data set: AP-3D and AP-BEV by IoU threshold and distance."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emiff_ros.dair.evaluation.average_precision import average_precision
from emiff_ros.dair.evaluation.frame_result import FrameResult
from emiff_ros.dair.evaluation.matching import FrameCandidates, match_frame
from emiff_ros.dair.evaluation.measures import HEADLINES, IOU_THRESHOLDS, VIEWS, Measure
from emiff_ros.dair.evaluation.overlap import BoxSet, close_pairs, intersection_over_union
from emiff_ros.dair.evaluation.protocols import (
    RANGES,
    Protocol,
    find_protocol,
)


@dataclass(frozen=True)
class RangeResult:
    """Average precision within one distance range.

    Attributes:
        ground_truth: number of ground-truth boxes that count.
        predictions: number of predictions that count, dummy boxes included.
        average_precision: percent; NaN where no ground truth counts.
    """

    ground_truth: int
    predictions: int
    average_precision: Mapping[Measure, float]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values with keys such as ``ap_3d_50``; None where undefined."""
        values: dict[str, Any] = {
            'ground_truth': self.ground_truth,
            'predictions': self.predictions,
        }
        for measure, value in self.average_precision.items():
            values[measure.key] = None if math.isnan(value) else value
        return values


@dataclass(frozen=True)
class EvaluationResult:
    """Average precision of a data set under one named protocol.

    Attributes:
        protocol: the protocol's name; no number means anything without it.
        frames: number of frames.
        ranges: result by range name (``overall``, ``0-30``, ``30-50``, ``50-100`` metres).
    """

    protocol: str
    frames: int
    ranges: Mapping[str, RangeResult]

    def ap(self, view: str, iou_threshold: float = 0.5, range_name: str = 'overall') -> float:
        """Return one average precision in percent.

        Raises:
            KeyError: for a view, threshold or range that was not evaluated.
        """
        return self.ranges[range_name].average_precision[Measure(view, iou_threshold)]

    def percentages(self, measures: Iterable[Measure] = HEADLINES) -> dict[str, float]:
        """Return average precisions over all ranges, in percent, by name (``ap_bev_50``, ...).

        Raises:
            KeyError: for a measure that was not evaluated.
        """
        return {measure.key: self.ap(*measure) for measure in measures}

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready nested values."""
        return {
            'protocol': self.protocol,
            'frames': self.frames,
            'ranges': {name: result.to_dict() for name, result in self.ranges.items()},
        }

    def table(self) -> str:
        """Return a Markdown table, one row for each range."""
        measures = list(next(iter(self.ranges.values())).average_precision)
        header = ['range [m]', 'objects']
        header += [measure.title for measure in measures]
        rows = [header, ['---'] * len(header)]
        for name, result in self.ranges.items():
            values = [f'{result.average_precision[measure]:.2f}' for measure in measures]
            rows.append([name, str(result.ground_truth), *values])
        lines = ['| ' + ' | '.join(row) + ' |' for row in rows]
        return f'Protocol {self.protocol}, {self.frames} frames\n' + '\n'.join(lines)


def evaluate(
    frames: Iterable[FrameResult],
    protocol: str | Protocol = 'opendairv2x',
    ranges: Mapping[str, tuple[float, float]] = RANGES,
    iou_thresholds: Sequence[float] = IOU_THRESHOLDS,
) -> EvaluationResult:
    """Evaluate the car class of a data set.

    Args:
        frames: every evaluated frame; one without predictions counts with its ground truth.
        protocol: ``opendairv2x``, ``emiff_test`` or ``emiff_val`` (or a Protocol).
        ranges: x ranges in metres by name.
        iou_thresholds: above 0, up to 1.

    Raises:
        ValueError: for an unknown protocol, no frames, or a threshold outside (0, 1].
    """
    protocol = find_protocol(protocol) if isinstance(protocol, str) else protocol
    frames = list(frames)
    if not frames:
        raise ValueError('there are no frames to evaluate; give at least one FrameResult')
    if not all(0 < threshold <= 1 for threshold in iou_thresholds):
        raise ValueError(f'IoU thresholds are {list(iou_thresholds)}; expected 0 < threshold <= 1')
    ordered = [_by_score(frame) for frame in frames]
    candidates = _candidates(ordered, protocol)
    return EvaluationResult(
        protocol=protocol.name,
        frames=len(frames),
        ranges={
            name: _evaluate_range(ordered, candidates, protocol, x_range, iou_thresholds)
            for name, x_range in ranges.items()
        },
    )


def _by_score(frame: FrameResult) -> FrameResult:
    order = np.argsort(-frame.scores, kind='stable')
    return FrameResult(
        frame.ground_truth_corners,
        frame.predicted_corners[order],
        frame.scores[order],
        frame.frame_id,
    )


def _candidates(frames: Sequence[FrameResult], protocol: Protocol) -> list[FrameCandidates]:
    """Compute the IoU of all pairs of boxes that can touch, over all frames at once."""
    objects = BoxSet(
        np.concatenate([frame.ground_truth_corners for frame in frames]),
        protocol.ground_truth_ring,
    )
    predictions = BoxSet(np.concatenate([frame.predicted_corners for frame in frames]))
    object_starts = _starts([len(frame.ground_truth_corners) for frame in frames])
    prediction_starts = _starts([len(frame.scores) for frame in frames])
    pairs = [
        close_pairs(
            objects,
            predictions,
            slice(object_starts[index], object_starts[index + 1]),
            slice(prediction_starts[index], prediction_starts[index + 1]),
        )
        for index in range(len(frames))
    ]
    iou_3d, iou_bev = intersection_over_union(
        objects,
        predictions,
        np.concatenate([rows for rows, _ in pairs]),
        np.concatenate([columns for _, columns in pairs]),
    )
    candidates = []
    done = 0
    for index, (frame, (rows, columns)) in enumerate(zip(frames, pairs, strict=True)):
        by_object: list[list[tuple[int, float, float]]] = [
            [] for _ in range(len(frame.ground_truth_corners))
        ]
        part = slice(done, done + len(rows))
        for row, column, spatial, flat in zip(
            (rows - object_starts[index]).tolist(),
            (columns - prediction_starts[index]).tolist(),
            iou_3d[part].tolist(),
            iou_bev[part].tolist(),
            strict=True,
        ):
            if flat > 0:
                by_object[row].append((column, spatial, flat))
        done += len(rows)
        candidates.append(FrameCandidates(frame.scores, by_object))
    return candidates


def _evaluate_range(
    frames: Sequence[FrameResult],
    candidates: Sequence[FrameCandidates],
    protocol: Protocol,
    x_range: tuple[float, float],
    iou_thresholds: Sequence[float],
) -> RangeResult:
    kept_objects = [
        protocol.keep_ground_truth(frame.ground_truth_corners, x_range) for frame in frames
    ]
    kept_predictions = [
        protocol.keep_predictions(frame.predicted_corners, x_range) for frame in frames
    ]
    objects = int(sum(kept.sum() for kept in kept_objects))
    dummies = sum(not kept.any() for kept in kept_predictions) if protocol.dummy_box else 0
    masks = list(
        zip(
            candidates,
            [kept.tolist() for kept in kept_objects],
            [kept.tolist() for kept in kept_predictions],
            strict=True,
        )
    )
    values = {}
    for measure in itertools.starmap(Measure, itertools.product(VIEWS, iou_thresholds)):
        matches = [match_frame(*mask, measure) for mask in masks]
        scores, hits = _all_predictions(candidates, kept_predictions, matches, dummies)
        values[measure] = average_precision(scores, hits, objects)
    predictions = int(sum(kept.sum() for kept in kept_predictions)) + dummies
    return RangeResult(objects, predictions, values)


def _all_predictions(
    candidates: Sequence[FrameCandidates],
    kept_predictions: Sequence[NDArray[np.bool_]],
    matches: Sequence[list[int]],
    dummies: int,
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Join the frames' predictions: of each frame first the matched ones, then the others."""
    scores, hits = [], []
    for frame, kept, matched in zip(candidates, kept_predictions, matches, strict=True):
        others = kept.copy()
        others[matched] = False
        scores += [frame.scores[matched], frame.scores[others]]
        hits += [np.ones(len(matched), dtype=bool), np.zeros(int(others.sum()), dtype=bool)]
    scores.append(np.zeros(dummies))
    hits.append(np.zeros(dummies, dtype=bool))
    return np.concatenate(scores), np.concatenate(hits)


def _starts(counts: Sequence[int]) -> list[int]:
    return [0, *np.cumsum(counts).tolist()]
