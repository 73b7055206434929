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

"""Convert a checkpoint of the original EMIFF release into safetensors with its configuration."""

from __future__ import annotations

import argparse
from pathlib import Path

from emiff_ros.model.checkpoint import import_checkpoint


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument(
        'source', type=Path, metavar='OFFICIAL.pth', help='checkpoint of the original release'
    )
    parser.add_argument('target', type=Path, metavar='OUT.safetensors', help='file to write')


def run(arguments: argparse.Namespace) -> int:
    """Convert and say what was done."""
    print(import_checkpoint(arguments.source, arguments.target))
    return 0
