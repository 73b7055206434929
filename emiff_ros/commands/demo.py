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

"""Replay drives through both nodes over DDS, with and without the roadside station, and report.

Without ``--dair-root`` held-out scenes are rendered first (once). Writes metrics.json, report.html
and pictures. AP is computed from the Detection3DArray messages that arrived.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
import shlex
from typing import Any

from emiff_ros import bringup
from emiff_ros.share import find_weights
from emiff_ros.transport.quantization import Quantization

DEFAULT_CACHE = Path('out/scenes')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument(
        '--frames', type=int, default=40, help='generated pairs (default: %(default)s)'
    )
    parser.add_argument(
        '--seed', type=int, default=1, help='of the generated drives (default: %(default)s)'
    )
    parser.add_argument('--dair-root', type=Path, help='replay this DAIR-V2X-C folder instead')
    parser.add_argument(
        '--model', default='emiff_small', help='shipped weights or a path (default: %(default)s)'
    )
    parser.add_argument(
        '--device', default='auto', help='auto, cpu or cuda:N (default: %(default)s)'
    )
    parser.add_argument(
        '--quantization',
        choices=[kind.name.lower() for kind in Quantization],
        default='int8',
        help='of the payload (default: %(default)s)',
    )
    parser.add_argument(
        '--matching',
        choices=('dataset_pairs', 'newest'),
        default='dataset_pairs',
        help='fuse the feature of the pair that the data set lists and labels, or the newest '
        'that fits, as on the road (default: %(default)s)',
    )
    parser.add_argument(
        '--speed', type=float, help='of the replay (default: what this machine can do)'
    )
    parser.add_argument(
        '--output', type=Path, default=Path('out/demo'), help='folder (default: %(default)s)'
    )
    parser.add_argument(
        '--cache', type=Path, default=DEFAULT_CACHE, help='rendered scenes (default: %(default)s)'
    )


def run(arguments: argparse.Namespace) -> int:
    """Prepare, replay twice, evaluate, report."""
    # Imported here: the help text must not need ROS.
    from emiff_ros.dair.bag_writer import PAIRS_FILE
    from emiff_ros.dair.reader import DairFolder
    from emiff_ros.demo.drives import generated_folder, prepare_drives, require_usable_pairs
    from emiff_ros.demo.metrics import DriveResult, demo_metrics
    from emiff_ros.demo.output_folder import check_output_folder, make_output_folder
    from emiff_ros.demo.replay import replay
    from emiff_ros.demo.report import write_pictures

    if arguments.frames < 1:
        raise ValueError(f'--frames is {arguments.frames}; expected at least 1')
    if arguments.speed is not None and not arguments.speed > 0:
        raise ValueError(f'--speed is {arguments.speed}; expected more than 0')
    find_weights(arguments.model)
    given = arguments.dair_root and DairFolder(arguments.dair_root)
    output = arguments.output
    check_output_folder(output)
    folder = given or generated_folder(arguments.cache, arguments.frames, arguments.seed)
    seed = None if given else arguments.seed
    require_usable_pairs(folder)
    make_output_folder(output)
    drives = prepare_drives(folder, output / 'bags')

    common = {
        'model': arguments.model,
        'device': arguments.device,
        'threads': max(1, (os.cpu_count() or 1) // 2),
    }
    station = bringup.for_replay(
        bringup.infrastructure(**common, quantization=arguments.quantization)
    )
    results = []
    for drive in drives:
        pairs_file = drive.bag / PAIRS_FILE
        by_pairs = arguments.matching == 'dataset_pairs' and pairs_file.exists()
        pairs = {'pairs_file': str(pairs_file)} if by_pairs else {}
        vehicle = bringup.for_replay(bringup.vehicle(**common, **pairs))
        logs = output / 'logs' / drive.name
        cooperative = replay(
            drive.bag, [station, vehicle], drive.image_stamps, logs / 'cooperative',
            f'{drive.name} with station', arguments.speed,
        )  # fmt: skip
        alone = replay(
            drive.bag, [vehicle], drive.image_stamps, logs / 'vehicle_only',
            f'{drive.name} without   ', cooperative.speed,
        )  # fmt: skip
        results.append(DriveResult(drive.pairs, cooperative, alone))

    metrics = {**demo_metrics(results, seed), 'matching': arguments.matching}
    (output / 'metrics.json').write_text(json.dumps(metrics, indent=2) + '\n', encoding='utf-8')
    write_pictures(results, metrics, output, command(arguments, seed))
    print(summary(metrics))
    print(f'\nreport: {output / "report.html"}')
    return 0


def command(arguments: argparse.Namespace, seed: int | None) -> str:
    """Return the command line that gives this result again."""
    if seed is None:
        source = ['--dair-root', str(arguments.dair_root)]
    else:
        source = ['--frames', str(arguments.frames), '--seed', str(seed)]
    options = {
        '--model': arguments.model,
        '--device': arguments.device,
        '--quantization': arguments.quantization,
        '--matching': arguments.matching,
        '--speed': arguments.speed,
    }
    given = [text for name, value in options.items() if value for text in (name, str(value))]
    return shlex.join(['python', '-m', 'emiff_ros', 'demo', *source, *given])


def summary(metrics: dict[str, Any]) -> str:
    """Return the table that the demo prints."""
    from emiff_ros.dair.evaluation import HEADLINES
    from emiff_ros.viz.numbers import percent

    rows = [f'{"":24}{"cooperative":>13}{"vehicle only":>14}']
    for measure in HEADLINES:
        ours, alone = (
            percent(metrics[name][measure.key], 2) for name in ('cooperative', 'vehicle_only')
        )
        rows.append(f'{measure.title:24}{ours:>13}{alone:>14}')
    latency, message = metrics['latency_ms'], metrics['message_bytes']
    rows += [
        f'{metrics["frames"]} frames, protocol {metrics["protocol"]}, AP in percent',
        f'message: {message["mean"]:.0f} bytes on average, {message["max"]} at most',
        f'latency: p50 {_milliseconds(latency["p50"])}, p95 {_milliseconds(latency["p95"])}; '
        f'{metrics["rate_hz"]:.1f} results per second',
    ]
    return '\n'.join(rows)


def _milliseconds(value: float | None) -> str:
    return 'none' if value is None else f'{value:.0f} ms'
