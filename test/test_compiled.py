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

"""Compiled functions compute what Python would, wherever their results can be kept."""

import os
from pathlib import Path
import subprocess
import sys

import numpy as np

from emiff_ros import compiled as module
from emiff_ros.compiled import compiled

ROOT = Path(module.__file__).resolve().parents[1]

SUM = """
import numpy as np
from emiff_ros.compiled import compiled
@compiled
def total(values):
    result = 0.0
    for value in values:
        result += value
    return result
assert total(np.arange(5.0)) == 10
print('cached' if total.stats.cache_path else 'not cached')
"""


@compiled
def inverse(values):
    result = np.empty_like(values)
    for index in range(len(values)):
        result[index] = 1 / values[index]
    return result


def test_division_by_zero_is_infinite_as_in_numpy():
    np.testing.assert_array_equal(inverse(np.array([0.5, 0.0, -0.0])), [2, np.inf, -np.inf])


def run(folder, **variables):
    """Run a program with a compiled function that lies in ``folder``."""
    script = folder / 'program.py'
    script.write_text(SUM)
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), **variables}
    result = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_results_are_kept_beside_the_file(tmp_path):
    assert run(tmp_path) == 'cached'
    assert list((tmp_path / '__pycache__').glob('program.total-*.nbc'))


def test_without_a_folder_to_keep_them_it_compiles_in_each_process(tmp_path):
    """As in an image whose files nobody may change, run by a user without a home."""
    occupied = tmp_path / 'file'
    occupied.write_text('')
    (tmp_path / '__pycache__').write_text('')
    assert run(tmp_path, HOME=str(occupied), XDG_CACHE_HOME=str(occupied)) == 'not cached'
