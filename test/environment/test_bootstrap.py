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

"""What the machine lacks is one clear sentence, and a second run does nothing."""

import os
from pathlib import Path
import subprocess
import sys

from imported_file import import_file
import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / 'environment' / 'bootstrap.py'


@pytest.fixture
def bootstrap(monkeypatch):
    monkeypatch.delenv('ROS_DISTRO', raising=False)
    return import_file(SCRIPT)


def test_this_machine_is_fit(bootstrap):
    bootstrap.check_machine()


@pytest.mark.parametrize('version', [(3, 9, 0), (3, 13, 0)])
def test_an_unsupported_python(bootstrap, monkeypatch, version):
    monkeypatch.setattr(sys, 'version_info', version)
    with pytest.raises(bootstrap.SetupError, match=r'not supported: run with Python 3\.10 to'):
        bootstrap.check_machine()


def test_a_missing_compiler(bootstrap, monkeypatch):
    monkeypatch.setattr(bootstrap.shutil, 'which', lambda name: None)
    with pytest.raises(
        bootstrap.SetupError, match=r'No C\+\+ compiler was found: .*apt install g\+\+'
    ):
        bootstrap.check_machine()


def test_missing_python_headers(bootstrap, monkeypatch, tmp_path):
    monkeypatch.setattr(bootstrap.sysconfig, 'get_path', lambda name: str(tmp_path))
    with pytest.raises(bootstrap.SetupError, match='headers of Python are missing'):
        bootstrap.check_machine()


def test_a_missing_venv_module(bootstrap, monkeypatch):
    monkeypatch.setitem(sys.modules, 'ensurepip', None)
    with pytest.raises(bootstrap.SetupError, match='no venv module: install it'):
        bootstrap.check_machine()


def test_another_processor_needs_an_installed_ros(bootstrap, monkeypatch):
    monkeypatch.setattr(bootstrap.sysconfig, 'get_platform', lambda: 'linux-aarch64')
    with pytest.raises(bootstrap.SetupError, match='install ROS 2, source its setup.bash'):
        bootstrap.check_machine()


def test_a_failing_step_shows_the_end_of_its_output(bootstrap, monkeypatch, tmp_path):
    monkeypatch.setattr(bootstrap, 'LOG', tmp_path / 'log')
    command = [sys.executable, '-c', 'print("what went wrong"); raise SystemExit(3)']
    with pytest.raises(bootstrap.SetupError, match='what went wrong'):
        bootstrap.run('a step', command)


def test_without_ros_the_stand_ins_are_built_and_with_it_they_are_not(bootstrap, monkeypatch):
    names = {path.name for path in bootstrap.interface_packages()}
    assert names == {'emiff_msgs', 'message_filters', 'tf2_msgs', 'vision_msgs'}
    monkeypatch.setattr(bootstrap, 'ROS_IS_SOURCED', True)
    assert [path.name for path in bootstrap.interface_packages()] == ['emiff_msgs']
    assert [path.name for path in bootstrap.requirement_files()] == ['requirements.txt']


def test_it_does_nothing_when_all_is_up_to_date(bootstrap, monkeypatch, tmp_path):
    monkeypatch.setattr(bootstrap, 'STAMP', tmp_path / 'stamp')
    bootstrap.STAMP.write_text(bootstrap.fingerprint())
    monkeypatch.setattr(bootstrap, 'run', lambda *_, **__: pytest.fail('a step was run'))
    bootstrap.set_up()


def test_wrong_arguments_explain_the_use():
    environment = {key: value for key, value in os.environ.items() if key != 'ROS_DISTRO'}
    answer = subprocess.run(
        [sys.executable, str(SCRIPT), 'demo'], env=environment, capture_output=True, text=True
    )
    assert answer.returncode == 2
    assert 'Usage: ``python3 environment/bootstrap.py' in answer.stderr
