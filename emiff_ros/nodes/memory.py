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

"""How much memory a node takes."""

from __future__ import annotations

import os
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticStatus
import torch

from emiff_ros.nodes.diagnostics import OK, WARN, status

MEBIBYTE = 1 << 20
_STATM = Path('/proc/self/statm')


def resident_bytes() -> int | None:
    """Return the physical memory of this process; None where the system does not tell."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE')
    except (OSError, ValueError, IndexError):
        return None


def memory_status(limit: int) -> DiagnosticStatus:
    """Compare the memory of this process with a limit.

    Args:
        limit: MiB; 0 is none.
    """
    values = {'limit_mib': limit or 'none'}
    if torch.cuda.is_initialized():
        devices = range(torch.cuda.device_count())
        allocated = sum(torch.cuda.memory_allocated(device) for device in devices)
        reserved = sum(torch.cuda.memory_reserved(device) for device in devices)
        values['device_mib'] = f'{allocated / MEBIBYTE:.0f}'
        values['device_reserved_mib'] = f'{reserved / MEBIBYTE:.0f}'
    resident = resident_bytes()
    if resident is None:
        return status(OK, 'this system does not tell the memory of a process', **values)
    taken = resident / MEBIBYTE
    values['resident_mib'] = f'{taken:.0f}'
    if limit and taken > limit:
        return status(WARN, f'{taken:.0f} MiB are more than the limit of {limit} MiB', **values)
    return status(OK, f'{taken:.0f} MiB', **values)
