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

"""`colcon build` finds and builds both packages in the root and in an ordinary workspace."""

import os
from pathlib import Path
import subprocess
import sys

import pytest

from emiff_ros.share import share_directory
from emiff_ros.verbs import VERBS

pytestmark = pytest.mark.skipif(
    not (share_directory() / 'colcon_defaults.yaml').exists(), reason='needs the repository'
)


def colcon(*arguments, cwd, **variables):
    return subprocess.run(
        [sys.executable, '-m', 'colcon', '--log-base', str(cwd / 'log'), *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, 'CMAKE_PREFIX_PATH': sys.prefix, **variables},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def test_the_root_lists_both_packages_and_no_stand_in(tmp_path):
    defaults = share_directory() / 'colcon_defaults.yaml'
    for name in ('package.xml', 'setup.py', 'setup.cfg', 'emiff_msgs', 'emiff_ros', 'underlay'):
        (tmp_path / name).symlink_to(share_directory() / name)
    (tmp_path / 'colcon_defaults.yaml').write_text(defaults.read_text())
    names = colcon('list', '--names-only', cwd=tmp_path).split()
    assert sorted(names) == ['emiff_msgs', 'emiff_ros']


def test_a_workspace_builds_emiff_ros(tmp_path):
    source = tmp_path / 'src' / 'emiff_ros'
    source.parent.mkdir()
    subprocess.run(['git', 'clone', '-q', str(share_directory()), str(source)], check=True)
    colcon(
        'build', '--base-paths', source, '--packages-select', 'emiff_ros', cwd=tmp_path,
        COLCON_DEFAULTS_FILE=os.devnull,
    )  # fmt: skip
    prefix = tmp_path / 'install' / 'emiff_ros'
    executables = {path.name for path in (prefix / 'lib' / 'emiff_ros').iterdir()}
    assert executables == set(VERBS)
    share = prefix / 'share' / 'emiff_ros'
    for name in (
        'package.xml',
        'launch/cooperative.launch.py',
        'config/vehicle_node.param.yaml',
        'config/model/emiff_small.yaml',
        'config/bag/qos_overrides.yaml',
        'config/rviz/cooperative.rviz',
        'config/foxglove/cooperative.json',
        'config/sros2/vehicle.policy.xml',
    ):
        assert (share / name).is_file(), name
    first_line = (prefix / 'lib' / 'emiff_ros' / 'demo').read_text().splitlines()[0]
    assert first_line == '#!/usr/bin/env python3'

    found = subprocess.run(
        [sys.executable, '-c', 'from emiff_ros.share import share_directory as s; print(s())'],
        env={
            **os.environ,
            'AMENT_PREFIX_PATH': f'{prefix}{os.pathsep}{sys.prefix}',
            'PYTHONPATH': str(next(prefix.glob('lib/python*/site-packages'))),
        },
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert Path(found.strip()) == share
