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

"""Where results come from: the commit that the code was run from."""

from __future__ import annotations

from pathlib import Path
import subprocess


def git_commit() -> str | None:
    """Return the commit of the source tree, None where it is no git checkout.

    Code that is installed inside some other repository is not of that one's commit.
    """
    file = Path(__file__)
    try:
        _git(file.parent, 'ls-files', '--error-unmatch', file.name)
        return _git(file.parent, 'rev-parse', 'HEAD')
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    process = subprocess.run(
        ['git', '-C', str(folder), *arguments], capture_output=True, text=True, check=True
    )
    return process.stdout.strip()
