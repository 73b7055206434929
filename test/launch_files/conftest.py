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

"""Recorders that take the place of launch's actions where launch is not installed."""

import os
import sys
from types import ModuleType, SimpleNamespace

from imported_file import import_file
import pytest

from emiff_ros.share import share_directory

FOLDER = share_directory() / 'launch'

MODULES = {
    'launch': ('Action', 'LaunchContext', 'LaunchDescription'),
    'launch.actions': (
        'DeclareLaunchArgument',
        'ExecuteProcess',
        'LogInfo',
        'OpaqueFunction',
        'Shutdown',
    ),
    'launch.events': (),
    'launch.events.process': ('ProcessExited',),
    'launch.substitutions': ('LaunchConfiguration',),
    'launch_ros': (),
    'launch_ros.actions': ('Node',),
    'launch_ros.substitutions': ('ExecutableInPackage',),
}


class Recorder:
    """Stands in for a launch action or substitution and remembers its arguments."""

    def __init__(self, *args, **kwargs):
        self.args = args
        self.__dict__.update(kwargs)

    def perform(self, context):
        return context[self.args[0]]


class Context(dict):
    """The values of arguments, as launch hands them to its functions."""

    @property
    def launch_configurations(self):
        return self


def run(name, /, **arguments):
    """Run a launch file with arguments; return its declarations and actions by kind."""
    module = import_file(FOLDER / f'{name}.launch.py')
    *declared, start = module.generate_launch_description().args[0]
    values = {item.args[0]: item.default_value for item in declared} | arguments
    actions = start.function(Context(values))
    remarks = [item for item in actions if type(item).__name__ == 'LogInfo']
    nodes = [item for item in actions if getattr(item, 'package', '') == 'emiff_ros']
    return SimpleNamespace(
        declared={item.args[0]: item for item in declared},
        remarks=[item.msg for item in remarks],
        nodes=nodes,
        others=[item for item in actions if item not in remarks + nodes],
    )


@pytest.fixture
def launch_file(monkeypatch, tmp_path):
    """Return the function that runs a launch file on recorders, in a folder with ``some_bag``.

    The index of installed packages has an rviz2.
    """
    index = tmp_path / 'share' / 'ament_index' / 'resource_index' / 'packages'
    index.mkdir(parents=True)
    (index / 'rviz2').touch()
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path), prepend=os.pathsep)
    (tmp_path / 'some_bag').mkdir()
    monkeypatch.chdir(tmp_path)
    for name, attributes in MODULES.items():
        module = ModuleType(name)
        module.__dict__.update(
            {attribute: type(attribute, (Recorder,), {}) for attribute in attributes}
        )
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, 'emiff_ros.launching', raising=False)
    yield run
    sys.modules.pop('emiff_ros.launching', None)
