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

"""Compute AP of detections against the cooperative labels of a DAIR-V2X-C folder.

Detections are a results folder (one JSON a frame), a ``.jsonl`` file or a recorded bag with
``vision_msgs/Detection3DArray``. Every number belongs to the protocol printed above it. A frame
without detections counts with all its objects missed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import json
from pathlib import Path
from typing import Any

from emiff_ros.dair.bag_topics import INFRASTRUCTURE_FEATURES, VEHICLE_DETECTIONS
from emiff_ros.dair.evaluation import (
    PROTOCOLS,
    EvaluationResult,
    average_bytes,
    evaluate,
    frame_results,
)
from emiff_ros.dair.frames import CooperativePair
from emiff_ros.dair.prediction_sources import LoadedPredictions, load_predictions
from emiff_ros.dair.reader import DairFolder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument('dair_root', type=Path, help='DAIR-V2X-C folder with the labels')
    parser.add_argument('detections', type=Path, help='results folder, .jsonl file or bag')
    parser.add_argument('--split', help='only the pairs of this split, such as val')
    parser.add_argument('--split-file', type=Path, help='JSON with cooperative_split')
    parser.add_argument(
        '--protocol',
        nargs='+',
        choices=sorted(PROTOCOLS),
        default=['opendairv2x'],
        help='default: %(default)s',
    )
    parser.add_argument(
        '--detections-topic', default=VEHICLE_DETECTIONS, help='of a bag (default: %(default)s)'
    )
    parser.add_argument(
        '--features-topic',
        default=INFRASTRUCTURE_FEATURES,
        help='of a bag, for the bytes that were sent (default: %(default)s)',
    )
    parser.add_argument('-o', '--output', type=Path, help='write all numbers as JSON')


def run(arguments: argparse.Namespace) -> int:
    """Evaluate and print one table for each protocol."""
    folder = DairFolder(arguments.dair_root, arguments.split_file)
    pairs = folder.split(arguments.split) if arguments.split else folder.pairs
    loaded = load_predictions(
        arguments.detections, folder, arguments.detections_topic, arguments.features_topic
    )
    results = [
        evaluate(frame_results(pairs, loaded.by_frame, protocol), protocol)
        for protocol in arguments.protocol
    ]
    summary = summarise(pairs, loaded, results)
    print(
        f'{summary["frames"]} frames, {summary["answered"]} of them with a result; '
        f'{summary["unknown"]} results of other frames, {summary["repeated"]} repeated'
    )
    for result in results:
        print(f'\n{result.table()}')
    if summary['ab_bytes'] is not None:
        print(f'\nAB as the results state it: {summary["ab_bytes"]:.1f} bytes a frame')
    if summary['serialised_bytes'] is not None:
        print(f'Serialised messages: {summary["serialised_bytes"]:.1f} bytes a frame')
    if loaded.feature_sizes is not None:
        sizes = loaded.feature_sizes
        print(
            f'\n{sizes.messages} messages of the roadside of {sizes.mean:.0f} bytes (mean), '
            f'{sizes.largest} (largest), serialised'
        )
        if sizes.average_bytes is not None:
            print(f'AB: {sizes.average_bytes:.1f} bytes a message')
    if arguments.output:
        arguments.output.write_text(json.dumps(summary, indent=1), encoding='utf-8')
    return 0


def summarise(
    pairs: Sequence[CooperativePair],
    loaded: LoadedPredictions,
    results: Sequence[EvaluationResult],
) -> dict[str, Any]:
    """Return all counts and numbers, JSON-ready."""
    answered = [
        loaded.by_frame[pair.vehicle.frame_id]
        for pair in pairs
        if pair.vehicle.frame_id in loaded.by_frame
    ]
    stated, serialised = (
        [value for prediction in answered if (value := getattr(prediction, name)) is not None]
        for name in ('transmitted_bytes', 'message_bytes')
    )
    return {
        'frames': len(pairs),
        'answered': len(answered),
        'unknown': loaded.unknown,
        'repeated': loaded.repeated,
        'ab_bytes': average_bytes(stated) if stated else None,
        'serialised_bytes': average_bytes(serialised) if serialised else None,
        'message_bytes': vars(loaded.feature_sizes) if loaded.feature_sizes else None,
        'protocols': {result.protocol: result.to_dict() for result in results},
    }
