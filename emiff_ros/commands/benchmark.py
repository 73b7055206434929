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

"""Time a network and its speed-ups, from two pictures in memory to boxes, and write JSON.

Without --weights they are seeded: speed does not depend on them. With --data AP stands beside
speed. Every part that fails is reported with its traceback and left out; the others go on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from emiff_ros.benchmarking.comparison import Extent, compare
from emiff_ros.dair.frames import CooperativePair
from emiff_ros.dair.reader import DairFolder
from emiff_ros.device import find_device
from emiff_ros.model import EmiffConfig
from emiff_ros.model.weights import load_weights
from emiff_ros.share import share_directory
from emiff_ros.spread import evenly_spread


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument('--model', default='emiff_r50', help='shipped configuration or YAML file')
    parser.add_argument('--device', default='cpu', help='auto, cpu (default) or cuda:N')
    parser.add_argument('--threads', type=int, default=2, help='of the CPU (default 2)')
    parser.add_argument('--rounds', type=int, default=6, help='turns of each candidate')
    parser.add_argument('--pairs', type=int, default=4, help='different pairs that are timed')
    parser.add_argument(
        '--seconds', type=float, default=120.0, help='no further candidate is built after these'
    )
    parser.add_argument(
        '--only', nargs='+', metavar='NAME', help='candidates to time besides float32 eager'
    )
    parser.add_argument(
        '--rates',
        nargs='+',
        type=float,
        default=(),
        metavar='HZ',
        help='measure latencies at these rates, and the highest rate below 5 %% loss',
    )
    parser.add_argument('--items', type=int, default=100, help='pictures offered at each rate')
    parser.add_argument('--memory', action='store_true', help="measure each candidate's memory")
    parser.add_argument('--weights', type=Path, help='trained network instead of --model')
    parser.add_argument('--data', type=Path, help='DAIR-V2X-C folder: its pairs are the input')
    parser.add_argument('--split', help='only the pairs of this split, such as val')
    parser.add_argument(
        '--frames', type=int, default=40, help='evenly spread pairs of --data; 0 takes all'
    )
    parser.add_argument(
        '--calibration-data', type=Path, help='DAIR-V2X-C folder: gives the scales of 8 bits'
    )
    parser.add_argument(
        '--calibration-pairs', type=int, default=40, help='evenly spread pairs of it; 0 takes all'
    )
    parser.add_argument('--output', type=Path, help='JSON file to write')


def run(arguments: argparse.Namespace) -> int:
    """Time, print a table, write the results."""
    device = find_device(arguments.device, '--device')
    if arguments.threads < 1:
        raise ValueError(f'--threads is {arguments.threads}; expected at least 1')
    torch.set_num_threads(arguments.threads)
    if arguments.weights:
        name, model = arguments.weights.stem, load_weights(arguments.weights).model
    else:
        path = Path(arguments.model)
        if path.suffix not in ('.yaml', '.yml'):
            path = share_directory() / 'config' / 'model' / f'{arguments.model}.yaml'
        name, model = path.stem, EmiffConfig.from_yaml(path)
    output = arguments.output
    if output is None:
        output = share_directory() / 'benchmark' / 'results' / f'speed_{name}_{device.type}.json'
    extent = Extent(
        pairs=arguments.pairs,
        rounds=arguments.rounds,
        seconds=arguments.seconds,
        only=arguments.only,
        rates=arguments.rates,
        items=arguments.items,
        memory=arguments.memory,
    )
    frames = _pairs(arguments.data, arguments.split, arguments.frames)
    calibration = _pairs(arguments.calibration_data, None, arguments.calibration_pairs)
    compare(name, model, device, output, extent, frames, calibration)
    print(output)
    return 0


def _pairs(root: Path | None, split: str | None, count: int) -> list[CooperativePair]:
    """Return at most ``count`` pairs, spread over a folder or a split of it; none without it."""
    if root is None:
        return []
    folder = DairFolder(root)
    return evenly_spread(folder.split(split) if split else folder.pairs, count)
