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

"""OpenVINO is there or its absence is explained, and it tells nobody that it runs."""

import importlib.metadata
import os
import subprocess
import sys

import pytest

from emiff_ros.acceleration.openvino_package import (
    import_openvino,
    openvino_problem,
    require_openvino,
)
from emiff_ros.share import share_directory

RUN = """
import sys
import torch
from emiff_ros.acceleration.openvino_program import OpenVinoProgram
print(OpenVinoProgram(lambda x: [x.relu()])(-torch.ones(1, 2, 3, 4))[0].abs().sum().item())
print(sys.modules["openvino_telemetry"])
"""

SIGNAL_AFTER_PROGRAMS = """
import signal
import torch
from emiff_ros.acceleration.openvino_program import OpenVinoProgram
programs = [OpenVinoProgram(lambda x: [x.relu()]) for _ in range(3)]
for program in programs:
    program(torch.ones(1, 2, 3, 4))
del program
while programs:
    del programs[0]
signal.signal(signal.SIGINT, lambda *_: print('handled'))
signal.raise_signal(signal.SIGINT)
"""


def run_python(script, **variables):
    """Run a script in a process of its own, with further environment variables."""
    return subprocess.run(
        [sys.executable, '-c', script],
        env=os.environ | {'PYTHONPATH': str(share_directory()), **variables},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_it_runs_without_a_report(tmp_path):
    """With reports it would write who it is into the home, then fork a process that sends."""
    run = run_python(RUN, HOME=str(tmp_path))
    run.check_returncode()
    assert run.stdout.split() == ['0.0', 'None']
    assert not (tmp_path / 'intel').exists()


def test_signals_are_handled_when_programs_are_gone():
    run = run_python(SIGNAL_AFTER_PROGRAMS)
    assert (run.returncode, run.stdout) == (0, 'handled\n'), run.stderr


@pytest.mark.parametrize(
    ('version', 'problem'),
    [
        (None, 'is not installed'),
        ('2024.6.0', 'is 2024.6.0, not 2025.0 or later'),
        ('custom', 'is custom, not'),
    ],
)
def test_without_a_usable_release_the_remedy_is_named(version, problem, monkeypatch):
    def found(name):
        if version is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return version

    assert openvino_problem() is None
    monkeypatch.setattr(importlib.metadata, 'version', found)
    assert openvino_problem().startswith(problem)
    for refuse in (require_openvino, import_openvino):
        with pytest.raises(ValueError, match=f'{problem}.*pip install .*openvino'):
            refuse()


def test_a_release_that_cannot_be_imported_is_found_out(monkeypatch):
    monkeypatch.setitem(sys.modules, 'openvino', None)
    assert openvino_problem().startswith('cannot be imported (ModuleNotFoundError: ')
    with pytest.raises(ValueError, match='cannot be imported .*pip install .*openvino'):
        import_openvino()
