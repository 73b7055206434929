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

"""Find the scales of a network in 8 bits on some pairs, for the nodes' ``acceleration: int8``.

The plain network detects in pairs of a DAIR-V2X-C folder, and what the inputs of its convolutions
reach becomes WEIGHTS.int8.json, where the nodes look for it. A few dozen pairs of the kind that it
will see are enough; no labels are used.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tqdm import tqdm

from emiff_ros.acceleration import InputCalibration, InputObserver
from emiff_ros.acceleration.input_calibration import CALIBRATION_SUFFIX
from emiff_ros.comparison.methods import Method, Runner
from emiff_ros.dair.reader import DairFolder
from emiff_ros.share import find_weights
from emiff_ros.spread import evenly_spread


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument('weights', help='name of shipped weights, or path of a .safetensors file')
    parser.add_argument('dair_root', type=Path, help='DAIR-V2X-C folder')
    parser.add_argument('--split', help='only the pairs of this split, such as train')
    parser.add_argument(
        '--pairs', type=int, default=50, help='at most so many, spread evenly (default: 50)'
    )
    parser.add_argument(
        '-o', '--output', type=Path, help='file to write (default: beside the weights)'
    )


def run(arguments: argparse.Namespace) -> int:
    """Watch the network and write what its convolutions were given."""
    if arguments.pairs < 1:
        raise ValueError(f'--pairs is {arguments.pairs}; expected 1 or more')
    path = find_weights(arguments.weights)
    folder = DairFolder(arguments.dair_root)
    found = folder.split(arguments.split) if arguments.split else folder.pairs
    pairs = evenly_spread(found, arguments.pairs)
    if not pairs:
        raise ValueError(f'{arguments.dair_root} has no pairs to calibrate on')
    runner = Runner(Method('calibration', path))
    neck = runner.network.model.config.neck.kind
    if neck != 'folded':
        raise ValueError(f'{path} has a {neck} neck; nodes compute in 8 bits with a folded one')
    with InputObserver(runner.network.model) as observer:
        for pair in tqdm(pairs, desc='calibrating', unit='pair'):
            runner.answer(pair)
    calibration = InputCalibration(
        fingerprint=runner.network.fingerprint, frames=len(pairs), maxima=observer.maxima
    )
    output = arguments.output or path.with_suffix(CALIBRATION_SUFFIX)
    calibration.to_json(output)
    print(f'{output}: {len(observer.maxima)} convolutions on {len(pairs)} pairs')
    return 0
