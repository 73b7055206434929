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

"""Signals that end a verb in order."""

import signal
import subprocess
import sys

import pytest

from emiff_ros.commands.signals import stop_on_signals


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_work_goes_on_until_it_looks(number):
    stops, done = [], []
    stop_on_signals(lambda: stops.append(True))
    for times in (1, 2):
        signal.raise_signal(number)
        done.append(True)
        assert len(stops) == len(done) == times


SIGNAL_WHILE_PYTHON_ENDS = """
import os, signal
from emiff_ros.commands.signals import stop_on_signals

class Last:
    def __del__(self, kill=os.kill, process=os.getpid(), number=signal.Signals({number})):
        kill(process, number)
        print('alive', flush=True)

last = Last()
stop_on_signals(lambda: None)
"""


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_nothing_breaks_off_the_end(number):
    run = subprocess.run(
        [sys.executable, '-c', SIGNAL_WHILE_PYTHON_ENDS.format(number=int(number))],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (run.returncode, run.stdout) == (0, 'alive\n'), run.stderr
