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

"""Ending what a verb does in order when SIGINT or SIGTERM comes."""

from __future__ import annotations

import atexit
from collections.abc import Callable
import signal

_NUMBERS = signal.SIGINT, signal.SIGTERM


def stop_on_signals(stop: Callable[[], object]) -> None:
    """Call ``stop`` for SIGINT and SIGTERM instead of raising wherever the code stands.

    It is called for SIGINT also where a parent ignores that, as a shell does in the background,
    and until the process ends, so that a second Ctrl-C does not break off the end.
    """

    def handle(*_: object) -> None:
        stop()

    for number in _NUMBERS:
        signal.signal(number, handle)
    # Python hands both back to the system when it ends, which would end it with an error.
    atexit.register(_ignore)


def _ignore() -> None:
    for number in _NUMBERS:
        signal.signal(number, signal.SIG_IGN)
