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

"""Write the parameter files, schemas and tables anew from the nodes' specifications."""

from __future__ import annotations

import argparse

from emiff_ros.nodes.parameter_files import files
from emiff_ros.share import share_directory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add no options: the files have fixed places."""


def run(arguments: argparse.Namespace) -> int:
    """Write the files into the repository."""
    for path, content in files(share_directory()).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding='utf-8')
        print(path)
    return 0
