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

"""The folder that a demo writes to."""

from __future__ import annotations

from pathlib import Path
import shutil

WRITTEN = {
    'bags',
    'logs',
    'metrics.json',
    'report.html',
    'birds_eye.png',
    'infrastructure.png',
    'overview.png',
    'vehicle.png',
}
"""All that a demo writes into its folder."""


def check_output_folder(folder: Path) -> None:
    """Refuse a folder in which a demo must delete nothing; one that is not there yet is fine.

    Raises:
        ValueError: if the folder holds anything that no demo wrote.
        NotADirectoryError: if it is a file.
    """
    entries = folder.iterdir() if folder.exists() else ()
    foreign = sorted(entry.name for entry in entries if entry.name not in WRITTEN)
    if foreign:
        raise ValueError(
            f'{folder} holds {", ".join(foreign[:3])}, which no demo wrote; what is in the folder '
            'of a demo is deleted, so name an empty one or that of an earlier demo'
        )


def make_output_folder(folder: Path) -> None:
    """Make the folder of a demo, or take the results of an earlier one out of it.

    Raises:
        ValueError: if the folder holds anything that no demo wrote.
        FileExistsError: if it is a file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    check_output_folder(folder)
    for entry in folder.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
