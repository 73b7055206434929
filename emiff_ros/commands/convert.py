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

"""Write a DAIR-V2X-C folder as a rosbag2.

Images keep their JPEG bytes and their own stamps; calibration, odometry and transforms come 50 ms
ahead of the image they belong to. Frames that cannot be used are left out and listed.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from tqdm import tqdm

from emiff_ros.commands.bag_options import add_metadata_version
from emiff_ros.dair.bag_frames import POSE_TIMES
from emiff_ros.dair.bag_writer import STORAGES, write_bag
from emiff_ros.dair.reader import DairFolder
from emiff_ros.stamps import SECOND

_SHOWN_REFUSALS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument('dair_root', type=Path, help='DAIR-V2X-C folder, real or generated')
    parser.add_argument('bag', type=Path, help='folder of the bag to write')
    parser.add_argument(
        '-s', '--storage', choices=sorted(STORAGES), default='mcap', help='default: %(default)s'
    )
    parser.add_argument(
        '--pose-time',
        choices=POSE_TIMES,
        default='image',
        help="stamp of the vehicle's pose: the image's, as the data set's protocol pairs them, or "
        'that of the LiDAR sweep it belongs to (default: %(default)s)',
    )
    parser.add_argument('--split', help='only the pairs of this split, such as val')
    parser.add_argument('--split-file', type=Path, help='JSON with cooperative_split')
    add_metadata_version(parser)
    parser.add_argument('--overwrite', action='store_true', help='replace a bag that exists')
    parser.add_argument('--report', type=Path, help='write the counts as JSON')


def run(arguments: argparse.Namespace) -> int:
    """Convert the folder and print what was written and what was left out."""
    folder = DairFolder(arguments.dair_root, arguments.split_file)
    pairs = folder.split(arguments.split) if arguments.split else None
    with tqdm(unit='frame', disable=None) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        report = write_bag(
            folder,
            arguments.bag,
            arguments.storage,
            arguments.pose_time,
            pairs,
            arguments.metadata_version,
            arguments.overwrite,
            progress,
        )
    print(
        f'{report.path}: {report.messages.total()} messages, {report.frames["vehicle"]} vehicle '
        f'and {report.frames["infrastructure"]} roadside frames, '
        f'{(report.end - report.start) / SECOND:.1f} s'
    )
    sources = ', '.join(f'{count} {source}' for source, count in sorted(report.offsets.items()))
    print(f'roadside offsets: {sources or "none"}')
    if report.refused:
        print(f'{len(report.refused)} frames were left out:')
    for refused in report.refused[:_SHOWN_REFUSALS]:
        print(f'  {refused.side} {refused.frame_id}: {refused.kind}: {refused.reason}')
    if len(report.refused) > _SHOWN_REFUSALS:
        print(f'  and {len(report.refused) - _SHOWN_REFUSALS} more (all of them: --report)')
    if arguments.report:
        arguments.report.write_text(json.dumps(report.to_dict(), indent=1), encoding='utf-8')
    return 0
