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

"""The memory of a piece of work is its own, whatever the process that asks for it holds."""

import os

import numpy as np
import pytest

from emiff_ros.benchmarking.memory import peak_in_own_process

MEGABYTE = 1_000_000


def test_the_peak_is_that_of_the_work():
    held = np.ones(1500 * MEGABYTE, np.uint8)
    least = peak_in_own_process(np.ones, 1, np.uint8)
    assert least < 1000
    del held
    more = peak_in_own_process(np.ones, 400 * MEGABYTE, np.uint8)
    assert more == pytest.approx(least + 400, abs=100)


def test_work_that_ends_its_process_is_reported():
    with pytest.raises(RuntimeError, match='measuring memory ended with 3'):
        peak_in_own_process(os._exit, 3)
