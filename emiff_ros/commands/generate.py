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

"""Render drives through junctions and write them as a DAIR-V2X-C folder.

The same arguments give the same files; a finished set is left alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from emiff_ros.dair.scenes.generate import generate_dataset, read_summary


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument('root', type=Path, help='folder to write')
    parser.add_argument(
        '--frames', type=int, default=200, help='number of pairs (default: %(default)s)'
    )
    parser.add_argument(
        '--seed', type=int, default=0, help='any number from 0 (default: %(default)s)'
    )
    parser.add_argument(
        '--split',
        choices=('train', 'val', 'test'),
        default='train',
        help=(
            'test has junctions, stations, cameras and car shapes that train never shows '
            '(default: %(default)s)'
        ),
    )
    parser.add_argument(
        '--frames-per-drive',
        type=int,
        default=20,
        help='pairs at one junction (default: %(default)s)',
    )
    parser.add_argument(
        '--pair-interval',
        type=float,
        default=0.1,
        help='seconds between pairs (default: %(default)s)',
    )
    parser.add_argument(
        '--image-size',
        type=int,
        nargs=2,
        metavar=('HEIGHT', 'WIDTH'),
        default=(1080, 1920),
        help='pixels; smaller images are rendered faster (default: 1080 1920)',
    )
    parser.add_argument('--processes', type=int, help='parallel renderers (default: one per core)')


def run(arguments: argparse.Namespace) -> int:
    """Generate the set and say what is visible to whom."""
    root = generate_dataset(
        arguments.root,
        arguments.seed,
        arguments.frames,
        arguments.split,
        image_size=tuple(arguments.image_size),
        pair_interval=arguments.pair_interval,
        frames_per_drive=arguments.frames_per_drive,
        processes=arguments.processes,
    )
    print(f'{root}: visible share {read_summary(root)["visible_share"]}')
    return 0
