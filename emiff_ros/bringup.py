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

from dataclasses import dataclass, field, replace
import json
from pathlib import Path
import sys
from typing import Any

from emiff_ros.share import PACKAGE, share_directory


@dataclass(frozen=True)
class ProcessDescription:
    """One node to start.

    Attributes:
        executable: as in ``ros2 run emiff_ros EXECUTABLE``.
        namespace: of the node; its topics live there.
        parameters_file: defaults of the node.
        parameters: values that go before the file's.
        remappings: topics of the node to those of the system.
    """

    executable: str
    namespace: str
    parameters_file: Path
    parameters: dict[str, Any] = field(default_factory=dict)
    remappings: dict[str, str] = field(default_factory=dict)

    @property
    def fully_qualified_name(self) -> str:
        """Name of the node in the ROS graph."""
        return f'/{self.namespace.strip("/")}/{self.executable}'.replace('//', '/')

    def command(self) -> list[str]:
        """Return the command line that starts this process without launch."""
        command = [sys.executable, '-m', PACKAGE, self.executable, '--ros-args']
        command += ['--remap', f'__ns:=/{self.namespace.strip("/")}']
        for source, target in self.remappings.items():
            command += ['--remap', f'{source}:={target}']
        command += ['--params-file', str(self.parameters_file)]
        for name, value in self.parameters.items():
            command += ['--param', f'{name}:={json.dumps(value)}']
        return command


def infrastructure(
    namespace: str = 'infrastructure', feature_topic: str = 'features', **parameters: Any
) -> ProcessDescription:
    """Describe a roadside node that reads the topics of its namespace.

    Args:
        namespace: of the station.
        feature_topic: where it publishes, relative to the namespace or absolute.
        **parameters: of ``infrastructure_node``.
    """
    return ProcessDescription(
        'infrastructure_node',
        namespace,
        share_directory() / 'config' / 'infrastructure_node.param.yaml',
        parameters,
        {
            '~/input/image': 'camera/image/compressed',
            '~/input/camera_info': 'camera/camera_info',
            '~/input/calibration': 'calibration',
            '~/output/features': feature_topic,
        },
    )


def vehicle(
    namespace: str = 'vehicle', feature_topic: str = '/infrastructure/features', **parameters: Any
) -> ProcessDescription:
    """Describe a vehicle node that reads the topics of its namespace and the features of stations.

    Args:
        namespace: of the vehicle.
        feature_topic: where the stations publish.
        **parameters: of ``vehicle_node``.
    """
    return ProcessDescription(
        'vehicle_node',
        namespace,
        share_directory() / 'config' / 'vehicle_node.param.yaml',
        parameters,
        {
            '~/input/image': 'camera/image/compressed',
            '~/input/camera_info': 'camera/camera_info',
            '~/input/odometry': 'odometry',
            '~/input/calibration': 'calibration',
            '~/input/features': feature_topic,
            '~/output/detections': 'detections',
            '~/output/fusion_status': 'fusion_status',
            '~/debug/markers': 'debug/markers',
            '~/debug/image': 'debug/image',
            '~/debug/birds_eye': 'debug/birds_eye',
        },
    )


def cooperative(**parameters: Any) -> list[ProcessDescription]:
    """Describe one station and one vehicle; ``parameters`` go to both nodes."""
    return [infrastructure(**parameters), vehicle(**parameters)]


def for_replay(process: ProcessDescription) -> ProcessDescription:
    """Let a process take a bag: time from /clock, and images reliably.

    A live camera is better heard best effort. A bag's images can exceed the shared memory of
    DDS; best effort they would get lost on the way without anybody's fault.
    """
    topic = f'/{process.namespace.strip("/")}/{process.remappings["~/input/image"]}'
    profile = f'qos_overrides.{topic}.subscription'
    parameters = {
        **process.parameters,
        'use_sim_time': True,
        f'{profile}.reliability': 'reliable',
        f'{profile}.depth': 5,
    }
    return replace(process, parameters=parameters)
