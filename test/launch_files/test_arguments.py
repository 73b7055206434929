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

"""The launch files and the demo start the same processes, from one table.

Where launch is not installed, recorders take the place of its actions: the files still run.
"""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from emiff_ros import bringup
from emiff_ros.nodes.parameter_files import SPECIFICATIONS
from emiff_ros.share import share_directory

NAMES = ('cooperative', 'infrastructure', 'replay', 'vehicle')


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


def test_every_launch_file_is_here():
    folder = share_directory() / 'launch'
    assert sorted(path.name for path in folder.iterdir() if path.suffix == '.py') == [
        f'{name}.launch.py' for name in NAMES
    ]


@pytest.mark.parametrize('name', ['cooperative', 'replay'])
def test_launch_and_demo_start_the_same_nodes(launch_file, name):
    launched = launch_file(name, source='some_bag', model='emiff_small', device='cpu')
    described = bringup.cooperative(model='emiff_small', device='cpu')
    started = [bringup.for_replay(process) for process in described]
    assert len(launched.nodes) == len(started) == 2
    for node, process in zip(launched.nodes, started, strict=True):
        command = parse(process.command())
        assert command.remappings.pop('__ns') == f'/{node.namespace}'
        assert f'/{node.namespace}/{node.name}' == process.fully_qualified_name
        assert process.command()[3] == node.executable
        assert dict(node.remappings) == command.remappings
        assert node.parameters == [command.files[0], command.parameters]


@pytest.mark.parametrize('side', ['infrastructure', 'vehicle'])
def test_one_side_is_the_same_node_as_in_cooperative(launch_file, side):
    (alone,) = launch_file(side).nodes
    both = launch_file('cooperative', source='live').nodes
    (same,) = [node for node in both if node.executable == f'{side}_node']
    assert vars(alone) == vars(same)
    assert 'use_sim_time' not in alone.parameters[1]


@pytest.mark.parametrize('name', NAMES)
def test_every_argument_has_a_sentence_and_every_topic_an_argument(launch_file, name):
    values = {'source': 'live'} if name in ('cooperative', 'replay') else {}
    launched = launch_file(name, **values)
    for argument in launched.declared.values():
        assert argument.description[0].isupper()
        assert argument.description.endswith('.')
        assert argument.choices is None or argument.default_value in argument.choices
    sides = {'infrastructure', 'vehicle'} & {name} or {'infrastructure/', 'vehicle/'}
    tables = (bringup.INFRASTRUCTURE_TOPICS, bringup.VEHICLE_TOPICS)
    for side, table in zip(('infrastructure', 'vehicle'), tables, strict=True):
        for prefix in (prefix for prefix in sides if prefix.startswith(side)):
            prefix = prefix.removeprefix(name)
            assert {f'{prefix}{topic}' for topic in table} <= set(launched.declared)


@pytest.mark.parametrize('name', ['infrastructure', 'vehicle'])
def test_arguments_reach_the_node(launch_file, name, tmp_path):
    file = tmp_path / 'some.param.yaml'
    file.touch()
    (node,) = launch_file(
        name,
        **{
            'name': 'other',
            'namespace': 'a/b',
            'params_file': str(file),
            'log_level': 'debug',
            'enclave': '/a/b/other',
            'device': 'cpu',
            'threads': '1',
            'use_sim_time': 'true',
            'autostart': 'false',
            'input/image': '/elsewhere/image',
        },
    ).nodes
    assert (node.name, node.namespace) == ('other', 'a/b')
    assert node.parameters == [
        str(file),
        {'device': 'cpu', 'threads': 1, 'use_sim_time': True, 'autostart': False},
    ]
    assert dict(node.remappings)['~/input/image'] == '/elsewhere/image'
    assert node.arguments == ['--ros-args', '--enclave', '/a/b/other', '--log-level', 'debug']


@pytest.mark.parametrize('name', ['infrastructure', 'vehicle'])
def test_an_argument_may_be_what_its_parameter_may_be_or_empty(launch_file, name):
    declared = launch_file(name).declared
    chosen = {
        parameter.name: ['', *parameter.choices]
        for parameter in SPECIFICATIONS[f'{name}_node']
        if parameter.choices and parameter.name in declared
    }
    assert {'acceleration', 'engine'} < set(chosen)
    assert {argument: declared[argument].choices for argument in chosen} == chosen


def test_threads_that_are_no_number_are_refused(launch_file):
    with pytest.raises(ValueError, match='threads:=many: expected 0, 1, 2 and so on'):
        launch_file('vehicle', threads='many')


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'source': 'nowhere'}, 'source:=nowhere: does not exist; name a bag'),
        ({'rate': 'fast'}, 'rate:=fast: expected a number above 0'),
        ({'rate': '-1'}, 'rate:=-1: expected a number above 0'),
        ({'rate': 'inf'}, 'rate:=inf: expected a number above 0'),
        ({'record': 'some_bag'}, 'record:=some_bag: exists already; name another folder'),
    ],
)
def test_what_would_fail_later_is_refused_before_anything_starts(launch_file, arguments, message):
    with pytest.raises(ValueError, match=message):
        launch_file('cooperative', **arguments)


def test_a_missing_rviz_is_named_before_anything_starts(launch_file, monkeypatch, tmp_path):
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path / 'empty'))
    with pytest.raises(ValueError, match='rviz2 is not installed; install it or append rviz:='):
        launch_file('replay', source='some_bag')
    assert launch_file('replay', source='some_bag', rviz='false').nodes


def test_paths_may_begin_with_the_home_folder(launch_file, monkeypatch, tmp_path):
    monkeypatch.setenv('HOME', str(tmp_path))
    _, recorder = launch_file('cooperative', source='~/some_bag', record='~/results').others
    assert recorder.cmd[1] == str(tmp_path / 'results')


@pytest.mark.parametrize(
    ('name', 'meant'),
    [
        ('params_file', 'infrastructure/params_file or vehicle/params_file'),
        ('pairs_file', 'vehicle/pairs_file'),
        ('thread', 'threads'),
    ],
)
def test_an_argument_that_has_no_effect_is_named_where_one_like_it_has(launch_file, name, meant):
    started = launch_file('cooperative', **{name: 'x', 'of_an_including_file': 'y'})
    assert started.remarks == [f'{name}:= has no effect; did you mean {meant}?']


def test_what_is_not_said_is_left_to_the_parameter_file(launch_file):
    for node in launch_file('cooperative', source='live').nodes:
        path, values = node.parameters
        assert values == {}
        assert Path(path).is_file()
        assert '--enclave' not in node.arguments


@pytest.mark.parametrize(
    ('arguments', 'features'),
    [
        ({}, '/infrastructure/features'),
        ({'infrastructure/namespace': 'pole'}, '/pole/features'),
        ({'infrastructure/output/features': '/radio/sent'}, '/radio/sent'),
        ({'infrastructure/namespace': 'pole', 'vehicle/input/features': '/radio'}, '/radio'),
    ],
)
def test_the_vehicle_hears_the_roadside_node_unless_it_is_told_otherwise(
    launch_file, arguments, features
):
    _, vehicle = launch_file('cooperative', source='live', **arguments).nodes
    assert dict(vehicle.remappings)['~/input/features'] == features


def test_the_player_waits_for_what_the_nodes_listen_to_last_and_follows_moved_topics(launch_file):
    (player,) = launch_file('cooperative').others
    command = player.cmd[1:]
    assert command[0] == 'demo'
    assert '--loop' in command
    awaited = command[command.index('--wait-for') + 1 : command.index('--loop')]
    assert awaited == [
        '/infrastructure/camera/image/compressed',
        '/vehicle/camera/image/compressed',
    ]
    assert '--remap' not in command

    (player,) = launch_file('cooperative', **{'vehicle/namespace': 'ego'}).others
    remappings = player.cmd[player.cmd.index('--remap') + 1 : -1]
    assert '/vehicle/odometry:=/ego/odometry' in remappings
    assert not any('detections' in rule for rule in remappings)


@pytest.mark.parametrize(
    ('launch_file_name', 'argument'),
    [('vehicle', 'params_file'), ('cooperative', 'infrastructure/params_file')],
)
def test_a_missing_parameter_file_is_refused(launch_file, launch_file_name, argument):
    with pytest.raises(ValueError, match=rf'{argument}: /nowhere\.yaml is no file'):
        launch_file(launch_file_name, **{argument: '/nowhere.yaml'})


def test_the_player_leaves_the_features_to_the_roadside_node(launch_file):
    (player,) = launch_file('cooperative', **{'infrastructure/output/features': '/radio'}).others
    assert '--remap' not in player.cmd


def ends(action, code, is_shutdown=False):
    """Return why everything ends when the process of an action does, empty if nothing does."""
    event = SimpleNamespace(process_name='some-1', returncode=code)
    actions = action.on_exit(event, SimpleNamespace(is_shutdown=is_shutdown))
    assert all(type(one).__name__ == 'Shutdown' for one in actions)
    return [one.reason for one in actions]


def test_everything_ends_when_the_player_fails_and_nothing_when_the_bag_is_over(launch_file):
    (player,) = launch_file('cooperative').others
    assert ends(player, 0) == []
    assert ends(player, 1) == ['some-1 has failed']
    assert ends(player, 1, is_shutdown=True) == []


def test_a_node_that_fails_ends_a_replay_and_leaves_live_nodes_alone(launch_file):
    for node in launch_file('cooperative').nodes:
        assert ends(node, 0) == []
        assert ends(node, 1) == ['some-1 has failed']
    for node in launch_file('cooperative', source='live').nodes:
        assert node.on_exit is None


def test_live_cameras_need_no_player(launch_file):
    assert launch_file('cooperative', source='live').others == []


def test_the_recorder_takes_the_results(launch_file):
    _, recorder = launch_file('cooperative', source='some_bag', record='out').others
    command = recorder.cmd[1:]
    assert command[0] == 'out'
    assert {'/vehicle/detections', '/vehicle/fusion_status', '/infrastructure/features'} < set(
        command
    )
    assert '--use-sim-time' in command


def test_rviz_finds_the_camera_info_and_moved_topics(launch_file):
    replay = launch_file('replay', source='some_bag', **{'infrastructure/namespace': 'pole'})
    rviz = replay.others[-1]
    assert rviz.executable == 'rviz2'
    remappings = dict(rviz.remappings)
    content = Path(rviz.arguments[1]).read_text(encoding='utf-8')
    displays = yaml.safe_load(content)['Visualization Manager']['Displays']
    (camera,) = [display for display in displays if display['Name'] == 'Roadside camera']
    image = camera['Topic']['Value']
    assert remappings[image] == '/pole/camera/image/compressed'
    derived = image.removesuffix('/compressed') + '/camera_info'
    assert remappings[derived] == '/pole/camera/camera_info'
    assert rviz.parameters == [{'use_sim_time': True}]


@pytest.mark.parametrize(('wish', 'follows'), [('', False), ('false', False), ('true', True)])
def test_beside_live_nodes_only_use_sim_time_makes_rviz_and_the_recorder_follow_clock(
    launch_file, wish, follows
):
    started = launch_file(
        'cooperative', source='live', use_sim_time=wish, rviz='true', record='out'
    )
    (rviz,) = [item for item in started.others if getattr(item, 'package', '') == 'rviz2']
    assert rviz.parameters == [{'use_sim_time': follows}]
    (recorder,) = [item for item in started.others if getattr(item, 'name', '') == 'record']
    assert ('--use-sim-time' in recorder.cmd) == follows


def test_a_topic_that_a_node_does_not_have_is_refused():
    with pytest.raises(
        ValueError, match=r"no topics \['input/odometry'\]; there are: input/image"
    ):
        bringup.infrastructure(topics={'input/odometry': 'odom'})
