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

from emiff_ros.acceleration.openvino_package import has_openvino, import_openvino, require_openvino
from emiff_ros.share import share_directory

RUN = """
import sys
import torch
from emiff_ros.acceleration.openvino_program import OpenVinoProgram
print(OpenVinoProgram(lambda x: [x.relu()])(-torch.ones(1, 2, 3, 4))[0].abs().sum().item())
print(sys.modules["openvino_telemetry"])
"""


def test_it_runs_without_a_report(tmp_path):
    """With reports it would write who it is into the home, then fork a process that sends."""
    run = subprocess.run(
        [sys.executable, '-c', RUN],
        env=os.environ | {'HOME': str(tmp_path), 'PYTHONPATH': str(share_directory())},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert run.stdout.split() == ['0.0', 'None']
    assert not (tmp_path / 'intel').exists()


@pytest.mark.parametrize('version', [None, '2024.6.0', 'custom'])
def test_without_a_usable_release_the_remedy_is_named(version, monkeypatch):
    def found(name):
        if version is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return version

    assert has_openvino()
    monkeypatch.setattr(importlib.metadata, 'version', found)
    assert not has_openvino()
    for refuse in (require_openvino, import_openvino):
        with pytest.raises(ValueError, match='2025.0 or later.*pip install openvino'):
            refuse()
