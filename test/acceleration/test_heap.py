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

"""Freed memory is touched again without page faults once the process keeps it."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import torch
from emiff_ros.acceleration.heap import keep_freed_memory

keep_freed_memory(True)
keep_freed_memory(sys.argv[1] == 'keep')
for _ in range(6):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    frame = [torch.ones(1 << 20) for _ in range(8)]
    del frame
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='other C libraries go on as they do')
def test_kept_memory_is_not_faulted_in_again():
    faults = {
        choice: int(subprocess.check_output([sys.executable, '-c', PROGRAM, choice]))
        for choice in ('keep', 'return')
    }
    pages = 8 * (4 << 20) // 4096
    assert faults['keep'] < 0.1 * pages
    assert faults['return'] > 0.5 * pages
