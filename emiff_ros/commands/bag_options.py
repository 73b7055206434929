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

"""Options that the verbs which write a bag share."""

import argparse


def add_metadata_version(parser: argparse.ArgumentParser) -> None:
    """Add ``--metadata-version``, the version of rosbag2's metadata file."""
    parser.add_argument(
        '--metadata-version',
        type=int,
        choices=(8, 9),
        default=9,
        help='9 for ROS 2 Jazzy and later, 8 for Humble and Iron (default: %(default)s)',
    )
