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

Weights are seeded: speed does not depend on them. Every part that fails is reported with its
traceback and left out; the others go on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from emiff_ros.benchmarking.comparison import compare
from emiff_ros.model import EmiffConfig
from emiff_ros.share import share_directory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument('--model', default='emiff_r50', help='shipped configuration or YAML file')
    parser.add_argument('--device', default='cpu', help='cpu or cuda')
    parser.add_argument('--threads', type=int, default=2, help='of the CPU (default 2)')
    parser.add_argument('--rounds', type=int, default=6, help='turns of each candidate')
    parser.add_argument('--pairs', type=int, default=4, help='different pairs of pictures')
    parser.add_argument(
        '--seconds', type=float, default=120.0, help='no further candidate is built after these'
    )
    parser.add_argument(
        '--only', nargs='+', metavar='NAME', help='candidates to time besides float32 eager'
    )
    parser.add_argument('--output', type=Path, help='JSON file to write')


def run(arguments: argparse.Namespace) -> int:
    """Time, print a table, write the results."""
    path = Path(arguments.model)
    if path.suffix not in ('.yaml', '.yml'):
        path = share_directory() / 'config' / 'model' / f'{arguments.model}.yaml'
    config = EmiffConfig.from_yaml(path)
    device = torch.device(arguments.device)
    if device.type == 'cuda' and not torch.cuda.is_available():
        raise ValueError(f'device is {arguments.device} but this PyTorch finds no NVIDIA GPU')
    torch.set_num_threads(arguments.threads)
    output = arguments.output
    if output is None:
        name = f'speed_{path.stem}_{device.type}.json'
        output = share_directory() / 'benchmark' / 'results' / name
    compare(
        path.stem,
        config,
        device,
        output,
        pairs=arguments.pairs,
        rounds=arguments.rounds,
        seconds=arguments.seconds,
        only=arguments.only,
    )
    print(output)
    return 0
