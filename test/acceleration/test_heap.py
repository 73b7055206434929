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

from pathlib import Path
import platform
import subprocess
import sys

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import resource
import torch
from emiff_ros.acceleration.heap import keep_freed_memory

def faults_of(count, mebibytes):
    for _ in range(4):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        frame = [torch.ones(mebibytes << 18) for _ in range(count)]
        del frame
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

keep_freed_memory()
print(faults_of(2, 64), faults_of(32, 4))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != 'glibc', reason='other C libraries go on as they do')
def test_what_a_frame_frees_is_kept_but_not_volumes():
    answer = subprocess.check_output([sys.executable, '-c', PROGRAM], cwd=ROOT)
    volumes, frame = map(int, answer.split())
    pages = (128 << 20) // 4096
    assert frame < 0.01 * pages
    assert volumes > 0.9 * pages
