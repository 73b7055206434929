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

"""Progress of long work: a bar in a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
from typing import TextIO

from tqdm import tqdm

LOG_INTERVAL = 10.0
"""Seconds between two lines at least."""


class LineStream:
    """Makes a line of each state of a bar, which only terminals can draw in place."""

    def __init__(self, stream: TextIO) -> None:
        """Write to ``stream``."""
        self._stream = stream

    def write(self, text: str) -> None:
        """Write what is no control character as a line."""
        if text.strip():
            self._stream.write(f'{text.strip()}\n')

    def flush(self) -> None:
        """Hand on what was written."""
        self._stream.flush()


def progress_bar(total: int, title: str, unit: str, *, shown: bool = True) -> tqdm:
    """Return the bar of some work, on the standard error.

    Args:
        total: number of units.
        title: what is being done.
        unit: of the work, singular.
        shown: whether there is to be anything at all.
    """
    if sys.stderr.isatty():
        return tqdm(total=total, desc=title, unit=unit, disable=not shown)
    lines = LineStream(sys.stderr)
    return tqdm(
        total=total, desc=title, unit=unit, disable=not shown, file=lines, mininterval=LOG_INTERVAL
    )
