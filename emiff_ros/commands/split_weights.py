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

"""Split weights into the roadside unit's half and the vehicle's; neither holds the other's.

Both halves keep the network's fingerprint, so features of one fit the other, and are given to the
nodes as ``model``. Where the weights have a calibration for 8 bits beside them, so has each half.
"""

from __future__ import annotations

import argparse
from pathlib import Path
import shutil

from emiff_ros.acceleration.input_calibration import CALIBRATION_SUFFIX
from emiff_ros.model.weights import split_weights
from emiff_ros.share import find_weights


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument('weights', help='name of shipped weights, or path of a .safetensors file')
    parser.add_argument(
        '-o',
        '--output',
        type=Path,
        default=Path(),
        help='folder to write to (default: the current one)',
    )


def run(arguments: argparse.Namespace) -> int:
    """Write NAME_infrastructure.safetensors and NAME_vehicle.safetensors."""
    path = find_weights(arguments.weights)
    arguments.output.mkdir(parents=True, exist_ok=True)
    sender, receiver = (
        arguments.output / f'{path.stem}_{part}.safetensors'
        for part in ('infrastructure', 'vehicle')
    )
    fingerprint = split_weights(path, sender, receiver)
    calibration = path.with_suffix(CALIBRATION_SUFFIX)
    for half in (sender, receiver):
        if calibration.is_file():
            shutil.copyfile(calibration, half.with_suffix(CALIBRATION_SUFFIX))
        print(f'{half}: {half.stat().st_size / 1e6:.1f} MB (fingerprint {fingerprint[:12]})')
    return 0
