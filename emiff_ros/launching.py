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

"""What the launch files share: their arguments, and launch actions from the bringup table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from difflib import get_close_matches
import json
import math
from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from launch import Action, LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    LogInfo,
    OpaqueFunction,
    Shutdown,
)
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.substitutions import ExecutableInPackage

from emiff_ros import bringup
from emiff_ros.bringup import ProcessDescription
from emiff_ros.home import expand_home
from emiff_ros.share import PACKAGE, share_directory

LIVE = 'live'
"""The source of a launch whose cameras publish themselves."""

WAIT = '120'
"""Seconds that a player waits for the nodes at most."""

CLOCK = '40'
"""Ticks of /clock per second, those of ``ros2 bag play --clock``."""

FILE = 'empty: what the parameter file says'


def _truth(text: str) -> bool:
    return text == 'true'


def _whole_number(text: str) -> int:
    if not text.isdecimal():
        raise ValueError('expected 0, 1, 2 and so on')
    return int(text)


def _positive_number(text: str) -> float:
    with suppress(ValueError):
        if 0 < float(text) < math.inf:
            return float(text)
    raise ValueError('expected a number above 0')


@dataclass(frozen=True)
class Argument:
    """One argument of a launch file.

    Attributes:
        name: as in ``NAME:=VALUE``.
        default: None if it must be given.
        description: what it does, one sentence.
        choices: allowed values; empty if any.
        parse: makes a value of what was written.
    """

    name: str
    default: str | None
    description: str
    choices: tuple[str, ...] = ()
    parse: Callable[[str], str | bool | int | float] = str

    def value(self, written: str) -> str | bool | int | float:
        """Return what was written as a value.

        Raises:
            ValueError: if it cannot be one; the message names the argument.
        """
        try:
            return self.parse(written)
        except ValueError as error:
            raise ValueError(f'{self.name}:={written}: {error}') from error

    def declaration(self) -> DeclareLaunchArgument:
        """Return the action that declares it."""
        return DeclareLaunchArgument(
            self.name,
            default_value=self.default,
            description=self.description,
            choices=list(self.choices) or None,
        )


def _read_choices() -> dict[str, tuple[str, ...]]:
    """Return what each parameter with a fixed set of values may be, or empty, by name.

    The schema says what the nodes' specification says; that would bring torch into launch.
    """
    path = share_directory() / 'config' / 'schema' / 'vehicle_node.schema.json'
    properties = json.loads(path.read_text(encoding='utf-8'))['properties']
    return {name: ('', *one['enum']) for name, one in properties.items() if 'enum' in one}


CHOICES = _read_choices()

SETTINGS = (
    Argument('model', '', f'Name of shipped weights, or a .safetensors file ({FILE}).'),
    Argument('device', '', f'Where the network runs: auto, cpu or cuda:N ({FILE}).'),
    Argument(
        'acceleration',
        '',
        f'Speed-ups of the network ({FILE}).',
        CHOICES['acceleration'],
    ),
    Argument('engine', '', f'What computes the network on a CPU ({FILE}).', CHOICES['engine']),
    Argument(
        'image_transport',
        '',
        f'Type of the image topic ({FILE}).',
        CHOICES['image_transport'],
    ),
    Argument(
        'threads',
        '',
        f'Threads of the network on the CPU, in each part that runs beside others ({FILE}).',
        parse=_whole_number,
    ),
    Argument(
        'use_sim_time',
        '',
        f'Take the time from /clock ({FILE}); a replay does so always.',
        ('', 'true', 'false'),
        _truth,
    ),
    Argument(
        'autostart',
        '',
        f'Configure and activate without a lifecycle manager ({FILE}).',
        ('', 'true', 'false'),
        _truth,
    ),
)
"""Arguments that are parameters of every node."""

OWN_SETTINGS = {
    'infrastructure': {'station_id': 'Name of the station'},
    'vehicle': {
        'pairs_file': 'CSV file of the image pairs of a data set, only which are fused then'
    },
}
"""Arguments that are parameters of one side's node."""

LOG_LEVEL = Argument(
    'log_level', 'info', 'Log level of the nodes.', ('debug', 'info', 'warn', 'error', 'fatal')
)

REPLAY = (
    Argument('rate', '1.0', 'Speed of the replay.', parse=_positive_number),
    Argument('loop', 'false', 'Start the replay again at its end.', ('true', 'false')),
    Argument('rviz', 'false', 'Open RViz with the view of the suite.', ('true', 'false')),
    Argument(
        'record',
        '',
        'Folder of a bag to record the results in, at the times of the replay; with loop all '
        'rounds lie over each other. Empty for none.',
    ),
)
"""Arguments of the launch files that start both sides, beside ``source``."""

TABLES = {
    'infrastructure': bringup.INFRASTRUCTURE_TOPICS,
    'vehicle': bringup.VEHICLE_TOPICS,
}


def side_arguments(side: str, prefix: str = '') -> tuple[Argument, ...]:
    """Return the arguments of one side's node: name, namespace, parameters and each topic.

    Args:
        side: ``infrastructure`` or ``vehicle``.
        prefix: goes before each name, where one launch file starts both sides.
    """
    return (
        Argument(f'{prefix}name', f'{side}_node', f'Name of the {side} node.'),
        Argument(f'{prefix}namespace', side, f'Namespace of the {side} node and its topics.'),
        Argument(
            f'{prefix}params_file',
            str(share_directory() / 'config' / f'{side}_node.param.yaml'),
            f'Parameters of the {side} node.',
        ),
        Argument(
            f'{prefix}enclave', '', f'SROS2 enclave of the {side} node, as /{side}; empty: none.'
        ),
        *(
            Argument(f'{prefix}{name}', '', f'{description} ({FILE}).')
            for name, description in OWN_SETTINGS[side].items()
        ),
        *(
            Argument(f'{prefix}{topic}', target, f'Topic of ~/{topic} of the {side} node.')
            for topic, target in TABLES[side].items()
        ),
    )


def describe(side: str, values: Mapping[str, str], prefix: str = '') -> ProcessDescription:
    """Return the process of one side.

    Args:
        side: ``infrastructure`` or ``vehicle``.
        values: of the arguments.
        prefix: of this side's arguments.

    Raises:
        ValueError: if an argument that is a number is none, or a parameter file is missing.
    """
    parameters_file = expand_home(values[f'{prefix}params_file'])
    if not parameters_file.is_file():
        # launch would warn of it and start the node without any of its parameters.
        raise ValueError(
            f'{prefix}params_file: {parameters_file} is no file; name one that exists'
        )
    parameters = {
        setting.name: setting.value(values[setting.name])
        for setting in SETTINGS
        if values[setting.name]
    }
    for name in OWN_SETTINGS[side]:
        if values[f'{prefix}{name}']:
            parameters[name] = values[f'{prefix}{name}']
    return getattr(bringup, side)(
        namespace=values[f'{prefix}namespace'],
        topics={topic: values[f'{prefix}{topic}'] for topic in TABLES[side]},
        name=values[f'{prefix}name'],
        parameters_file=parameters_file,
        **parameters,
    )


def node(
    process: ProcessDescription, log_level: str, enclave: str = '', *, needed: bool = False
) -> Node:
    """Return the action that starts a process of the table.

    Args:
        process: of the table.
        log_level: of the node.
        enclave: to start it in; none if empty.
        needed: end everything if it fails.
    """
    return Node(
        package=PACKAGE,
        executable=process.executable,
        name=process.name,
        namespace=process.namespace,
        parameters=[str(process.parameters_file), process.parameters],
        remappings=list(process.remappings.items()),
        arguments=[
            '--ros-args',
            *(['--enclave', enclave] if enclave else []),
            '--log-level',
            log_level,
        ],
        output='screen',
        on_exit=_end_after_failure if needed else None,
    )


def player(processes: Iterable[ProcessDescription], values: Mapping[str, str]) -> Action:
    """Return the action that plays ``source`` once the nodes listen, to their images last.

    At the end of the bag everything else stays; if the player fails, everything ends.
    """
    processes = list(processes)
    awaited = [process.topic('input/image') for process in processes]
    command = [
        ExecutableInPackage(executable='play-bag', package=PACKAGE), values['source'],
        '--clock', CLOCK, '--rate', values['rate'], '--longest-gap', '1.0',
        '--wait-for-subscribers', WAIT, '--wait-for', *awaited,
    ]  # fmt: skip
    # The features are the stations' own, not the bag's.
    moved = bringup.moved_topics(processes, ('input/',), left_out=('input/features',))
    if moved:
        command += ['--remap', *(f'{old}:={new}' for old, new in moved.items())]
    if values['loop'] == 'true':
        command.append('--loop')
    return ExecuteProcess(cmd=command, name='play', output='screen', on_exit=_end_after_failure)


def _end_after_failure(event: ProcessExited, context: LaunchContext) -> list[Action]:
    """Shut everything down if a process has failed; launch names its exit code as an error."""
    if context.is_shutdown or not event.returncode:
        return []
    return [Shutdown(reason=f'{event.process_name} has failed')]


def _record_path(values: Mapping[str, str]) -> Path:
    return expand_home(values['record'])


def _check(values: Mapping[str, str]) -> None:
    """Refuse what would fail only when the nodes are running.

    Raises:
        ValueError: naming the argument.
    """
    source = values['source']
    if source not in (LIVE, bringup.DEMO) and not expand_home(source).exists():
        raise ValueError(
            f'source:={source}: does not exist; name a bag, a DAIR-V2X-C folder, {bringup.DEMO} '
            f'or {LIVE}'
        )
    for argument in REPLAY:
        argument.value(values[argument.name])
    if values['record'] and _record_path(values).exists():
        raise ValueError(f'record:={values["record"]}: exists already; name another folder')
    if values['rviz'] == 'true':
        try:
            get_package_prefix('rviz2')
        except PackageNotFoundError as error:
            raise ValueError(
                'rviz:=true: the package rviz2 is not installed; install it or append rviz:=false'
            ) from error


def _follows_clock(values: Mapping[str, str]) -> bool:
    """Tell whether the programs beside the nodes take the time from /clock."""
    return values['source'] != LIVE or values['use_sim_time'] == 'true'


def recorder(processes: Iterable[ProcessDescription], values: Mapping[str, str]) -> Action:
    """Return the action that records what the nodes publish."""
    topics = [
        process.topic(topic)
        for process in processes
        for topic in TABLES[process.executable.removesuffix('_node')]
        if topic.startswith('output/') or topic == 'debug/markers'
    ]
    command = [
        ExecutableInPackage(executable='record-bag', package=PACKAGE), str(_record_path(values)),
        *topics, '/diagnostics', '/tf', '/tf_static',
    ]  # fmt: skip
    if _follows_clock(values):
        command.append('--use-sim-time')
    return ExecuteProcess(cmd=command, name='record', output='screen')


def rviz(processes: Iterable[ProcessDescription], values: Mapping[str, str]) -> Action:
    """Return the action that opens RViz on the processes' topics.

    RViz looks for a CameraInfo below the name of a compressed image; ours is beside it.
    """
    processes = list(processes)
    moved = bringup.moved_topics(processes, ('input/', 'output/', 'debug/'))
    for process in processes:
        default = bringup.DEFAULTS[process.executable].topic('input/image')
        derived = f'{default.removesuffix("/compressed")}/camera_info'
        moved[derived] = process.topic('input/camera_info')
    return Node(
        package='rviz2',
        executable='rviz2',
        arguments=['-d', str(share_directory() / 'config' / 'rviz' / 'cooperative.rviz')],
        parameters=[{'use_sim_time': _follows_clock(values)}],
        remappings=list(moved.items()),
    )


def _linked(values: Mapping[str, str]) -> list[ProcessDescription]:
    """Return both processes; a vehicle hears the roadside node unless it is told otherwise."""
    station = describe('infrastructure', values, 'infrastructure/')
    if values['vehicle/input/features'] == bringup.FEATURES:
        values = {**values, 'vehicle/input/features': station.topic('output/features')}
    return [station, describe('vehicle', values, 'vehicle/')]


def one_side(side: str) -> LaunchDescription:
    """Return the description of a launch file that starts one side."""
    arguments = (*side_arguments(side), *SETTINGS, LOG_LEVEL)

    def start(values: Mapping[str, str]) -> list[Action]:
        return [node(describe(side, values), values[LOG_LEVEL.name], values['enclave'])]

    return _description(arguments, start)


def both_sides(source: Argument, **defaults: str) -> LaunchDescription:
    """Return the description of a launch file that starts both sides and may play a bag.

    Args:
        source: the argument that says where the images come from.
        **defaults: of the arguments in ``REPLAY``.
    """
    replay = [
        replace(argument, default=defaults.get(argument.name, argument.default))
        for argument in REPLAY
    ]
    sides = [argument for side in TABLES for argument in side_arguments(side, f'{side}/')]

    def start(values: Mapping[str, str]) -> list[Action]:
        _check(values)
        processes = _linked(values)
        actions = []
        if values['source'] != LIVE:
            processes = [bringup.for_replay(process) for process in processes]
            actions.append(player(processes, values))
        if values['record']:
            actions.append(recorder(processes, values))
        if values['rviz'] == 'true':
            actions.append(rviz(processes, values))
        nodes = [
            node(
                process,
                values[LOG_LEVEL.name],
                values[f'{side}/enclave'],
                needed=values['source'] != LIVE,
            )
            for side, process in zip(TABLES, processes, strict=True)
        ]
        return [*nodes, *actions]

    return _description((source, *replay, *SETTINGS, LOG_LEVEL, *sides), start)


def _description(
    arguments: Iterable[Argument], start: Callable[[Mapping[str, str]], list[Action]]
) -> LaunchDescription:
    """Declare the arguments, then start with their values."""
    arguments = list(arguments)
    names = [argument.name for argument in arguments]

    def perform(context: LaunchContext) -> list[Action]:
        values = {name: LaunchConfiguration(name).perform(context) for name in names}
        return [*_misspelt(context.launch_configurations, names), *start(values)]

    declarations = [argument.declaration() for argument in arguments]
    return LaunchDescription([*declarations, OpaqueFunction(function=perform)])


def _misspelt(given: Iterable[str], names: list[str]) -> list[Action]:
    """Name what looks like one of our arguments and is none: launch would say nothing of it.

    Other names may belong to a launch file that includes ours.
    """
    remarks = []
    for name in sorted(set(given) - set(names)):
        meant = [known for known in names if known.endswith(f'/{name}')]
        meant = meant or get_close_matches(name, names, n=2, cutoff=0.8)
        if meant:
            remarks.append(f'{name}:= has no effect; did you mean {" or ".join(meant)}?')
    return [LogInfo(msg=remark) for remark in remarks]
