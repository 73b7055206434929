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

"""What the C library does with memory that the process frees.

A frame takes and frees the same tens of megabytes each time. By default glibc gives them back to
the system, which clears each page again when the next frame touches it.
"""

import ctypes
import platform

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of mallopt(3)."""
_MEBIBYTE = 1 << 20
LARGEST_KEPT = 32 * _MEBIBYTE
"""Bytes of the largest piece that is kept: what is larger goes back at once."""
# Where the thresholds of glibc, which follow the largest block that was freed, come to rest.
_DEFAULTS = {_TRIM_THRESHOLD: 64 * _MEBIBYTE, _MMAP_THRESHOLD: 32 * _MEBIBYTE}
_KEEPING = {
    _TRIM_THRESHOLD: (1 << 31) - 1,
    # The volumes of a large 3D neck would stay for good.
    _MMAP_THRESHOLD: LARGEST_KEPT,
}

_keeping = False


def keep_freed_memory(keep: bool = True) -> None:
    """Keep freed memory for the next frame, or give it back as the C library does by default.

    Holds for the whole process; other C libraries than glibc go on as they do. Python has no call
    for it, and an environment variable would have to be set before the process starts.
    """
    global _keeping
    if keep == _keeping or not _is_glibc():
        return
    for parameter, value in (_KEEPING if keep else _DEFAULTS).items():
        ctypes.CDLL(None).mallopt(parameter, value)
    _keeping = keep
    if not keep:
        return_freed_memory()


def return_freed_memory() -> None:
    """Give back what is free now, such as what a thread that has ended its work had needed."""
    if _is_glibc():
        ctypes.CDLL(None).malloc_trim(0)


def _is_glibc() -> bool:
    return platform.libc_ver()[0] == 'glibc'
