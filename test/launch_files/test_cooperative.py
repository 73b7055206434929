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

"""The launch file and the demo start the same processes.

Where launch is not installed, recorders take the place of its actions: the file still runs.
"""

import importlib.util
import json
from pathlib import Path
import sys
from types import ModuleType, SimpleNamespace

import pytest

from emiff_ros import bringup
from emiff_ros.share import share_directory

LAUNCH_FILE = share_directory() / 'launch' / 'cooperative.launch.py'


class Recorder:
    """Stands in for a launch action or substitution and remembers its arguments."""

    def __init__(self, *args, **kwargs):
        self.args = args
        self.__dict__.update(kwargs)

    def perform(self, context):
        return context[self.args[0]]


@pytest.fixture
def launch_file(monkeypatch):
    names = {
        'launch': ('LaunchDescription',),
        'launch.actions': ('DeclareLaunchArgument', 'ExecuteProcess', 'OpaqueFunction'),
        'launch.conditions': ('IfCondition',),
        'launch.substitutions': ('LaunchConfiguration', 'PythonExpression'),
        'launch_ros': (),
        'launch_ros.actions': ('Node',),
    }
    for name, attributes in names.items():
        module = ModuleType(name)
        module.__dict__.update(
            {attribute: type(attribute, (Recorder,), {}) for attribute in attributes}
        )
        monkeypatch.setitem(sys.modules, name, module)
    spec = importlib.util.spec_from_file_location('cooperative_launch', LAUNCH_FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def defaults(launch_file):
    return {name: default for name, default, _ in launch_file.ARGUMENTS}


def parse(command):
    """Read remappings, parameters and files back from the demo's command line."""
    found = SimpleNamespace(remappings={}, parameters={}, files=[])
    for option, value in zip(command, command[1:], strict=False):
        if option == '--remap':
            source, target = value.split(':=')
            found.remappings[source] = target
        elif option == '--param':
            name, text = value.split(':=', 1)
            found.parameters[name] = json.loads(text)
        elif option == '--params-file':
            found.files.append(value)
    return found


def test_launch_and_demo_start_the_same_nodes(launch_file, defaults):
    launched = launch_file.start_nodes({**defaults, 'bag': 'some_bag'})
    described = bringup.cooperative(model='emiff_small', device='auto', use_sim_time=False)
    started = [bringup.for_replay(process) for process in described]
    assert len(launched) == len(started) == 2
    for node, process in zip(launched, started, strict=True):
        command = parse(process.command())
        assert command.remappings.pop('__ns') == f'/{node.namespace}'
        assert process.command()[3] == node.executable
        assert dict(node.remappings) == command.remappings
        assert node.parameters == [command.files[0], command.parameters]


def test_live_cameras_do_not_use_sim_time(launch_file, defaults):
    nodes = launch_file.start_nodes(defaults)
    assert [node.parameters[1]['use_sim_time'] for node in nodes] == [False, False]


def test_every_argument_is_declared_with_a_description(launch_file):
    description = launch_file.generate_launch_description()
    declared = [action for action in description.args[0] if hasattr(action, 'default_value')]
    assert [action.args[0] for action in declared] == [
        name for name, _, _ in launch_file.ARGUMENTS
    ]
    assert all(action.description.endswith('.') for action in declared)


def test_the_files_that_it_names_exist():
    for process in bringup.cooperative():
        assert Path(process.parameters_file).is_file()


def test_the_real_launch_accepts_the_file():
    launch = pytest.importorskip('launch', reason='launch is part of a ROS 2 installation')
    pytest.importorskip('launch_ros')
    source = launch.launch_description_sources.PythonLaunchDescriptionSource(str(LAUNCH_FILE))
    description = source.get_launch_description(launch.LaunchContext())
    assert description.get_launch_arguments()
