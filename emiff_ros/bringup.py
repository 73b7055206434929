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

"""The one table of processes from which the launch files and the demo start the suite.

Knows neither launch nor rclpy: a process is described by names, parameters and remappings.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
import json
from pathlib import Path
import sys
from typing import Any

from emiff_ros.share import PACKAGE, share_directory

DEMO = 'demo'
"""The source of a replay that is the generated scene."""

FEATURES = '/infrastructure/features'
"""Where stations publish unless they are told otherwise."""

INFRASTRUCTURE_TOPICS = {
    'input/image': 'camera/image/compressed',
    'input/camera_info': 'camera/camera_info',
    'input/calibration': 'calibration',
    'output/features': 'features',
}
"""Topics of ``infrastructure_node`` below ``~/``, and where they are by default."""

VEHICLE_TOPICS = {
    'input/image': 'camera/image/compressed',
    'input/camera_info': 'camera/camera_info',
    'input/odometry': 'odometry',
    'input/calibration': 'calibration',
    'input/features': FEATURES,
    'output/detections': 'detections',
    'output/fusion_status': 'fusion_status',
    'debug/markers': 'debug/markers',
    'debug/image': 'debug/image',
    'debug/birds_eye': 'debug/birds_eye',
}
"""Topics of ``vehicle_node`` below ``~/``, and where they are by default."""


@dataclass(frozen=True)
class ProcessDescription:
    """One node to start.

    Attributes:
        executable: as in ``ros2 run emiff_ros EXECUTABLE``.
        namespace: of the node; its topics live there.
        parameters_file: defaults of the node.
        parameters: values that go before the file's.
        remappings: topics of the node to those of the system.
        name: of the node; by default that of the executable.
    """

    executable: str
    namespace: str
    parameters_file: Path
    parameters: dict[str, Any] = field(default_factory=dict)
    remappings: dict[str, str] = field(default_factory=dict)
    name: str = ''

    @property
    def fully_qualified_name(self) -> str:
        """Name of the node in the ROS graph."""
        return self.absolute(self.name or self.executable)

    def absolute(self, name: str) -> str:
        """Return a name of this node's namespace as it is in the ROS graph."""
        if name.startswith('/'):
            return name
        return f'/{self.namespace.strip("/")}/{name}'.replace('//', '/')

    def topic(self, name: str) -> str:
        """Return where a topic such as ``input/image`` is in the ROS graph."""
        return self.absolute(self.remappings[f'~/{name}'])

    def command(self) -> list[str]:
        """Return the command line that starts this process without launch."""
        command = [sys.executable, '-m', PACKAGE, self.executable, '--ros-args']
        command += ['--remap', f'__ns:=/{self.namespace.strip("/")}']
        if self.name:
            command += ['--remap', f'__node:={self.name}']
        for source, target in self.remappings.items():
            command += ['--remap', f'{source}:={target}']
        command += ['--params-file', str(self.parameters_file)]
        for name, value in self.parameters.items():
            command += ['--param', f'{name}:={json.dumps(value)}']
        return command


def infrastructure(
    namespace: str = 'infrastructure',
    topics: Mapping[str, str] | None = None,
    name: str = '',
    parameters_file: Path | None = None,
    **parameters: Any,
) -> ProcessDescription:
    """Describe a roadside node that reads the topics of its namespace.

    Args:
        namespace: of the station.
        topics: where topics are that are not at their place of ``INFRASTRUCTURE_TOPICS``,
            relative to the namespace or absolute.
        name: of the node.
        parameters_file: instead of the shipped defaults.
        **parameters: of ``infrastructure_node``.
    """
    return _process(
        'infrastructure_node', INFRASTRUCTURE_TOPICS, namespace, topics, name, parameters_file,
        parameters,
    )  # fmt: skip


def vehicle(
    namespace: str = 'vehicle',
    topics: Mapping[str, str] | None = None,
    name: str = '',
    parameters_file: Path | None = None,
    **parameters: Any,
) -> ProcessDescription:
    """Describe a vehicle node that reads the topics of its namespace and the features of stations.

    Args:
        namespace: of the vehicle.
        topics: where topics are that are not at their place of ``VEHICLE_TOPICS``, relative to
            the namespace or absolute.
        name: of the node.
        parameters_file: instead of the shipped defaults.
        **parameters: of ``vehicle_node``.
    """
    return _process(
        'vehicle_node', VEHICLE_TOPICS, namespace, topics, name, parameters_file, parameters
    )


def _process(
    executable: str,
    table: Mapping[str, str],
    namespace: str,
    topics: Mapping[str, str] | None,
    name: str,
    parameters_file: Path | None,
    parameters: dict[str, Any],
) -> ProcessDescription:
    unknown = set(topics or {}) - set(table)
    if unknown:
        raise ValueError(
            f'{executable} has no topics {sorted(unknown)}; there are: {", ".join(table)}'
        )
    return ProcessDescription(
        executable,
        namespace,
        parameters_file or share_directory() / 'config' / f'{executable}.param.yaml',
        parameters,
        {f'~/{topic}': target for topic, target in {**table, **(topics or {})}.items()},
        name,
    )


def cooperative(**parameters: Any) -> list[ProcessDescription]:
    """Describe one station and one vehicle; ``parameters`` go to both nodes."""
    return [infrastructure(**parameters), vehicle(**parameters)]


def for_replay(process: ProcessDescription) -> ProcessDescription:
    """Let a process take a bag: time from /clock, and images reliably.

    A live camera is better heard best effort. A bag's images can exceed the shared memory of
    DDS; best effort they would get lost on the way without anybody's fault.
    """
    profile = f'qos_overrides.{process.topic("input/image")}.subscription'
    parameters = {
        **process.parameters,
        'use_sim_time': True,
        f'{profile}.reliability': 'reliable',
        f'{profile}.depth': 5,
    }
    return replace(process, parameters=parameters)


DEFAULTS = {process.executable: process for process in cooperative()}
"""Both nodes as they are where nothing is said about them, by executable."""


def moved_topics(
    processes: Iterable[ProcessDescription],
    prefixes: tuple[str, ...],
    left_out: Container[str] = (),
) -> dict[str, str]:
    """Return where topics are that are not at their default place.

    A player and a viewer know the default topics; with these remappings they meet the processes.

    Args:
        processes: that are started.
        prefixes: kinds of topics, among ``input/``, ``output/`` and ``debug/``.
        left_out: topics of these kinds that do not count, such as ``input/image``.

    Returns:
        Absolute topics by absolute default topic; empty where nothing was moved.
    """
    moved = {}
    for process in processes:
        default = DEFAULTS[process.executable]
        for name in (source.removeprefix('~/') for source in process.remappings):
            wanted = name.startswith(prefixes) and name not in left_out
            if wanted and default.topic(name) != process.topic(name):
                moved[default.topic(name)] = process.topic(name)
    return moved
