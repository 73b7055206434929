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

"""Start one roadside station and one vehicle, and by argument replay a bag for them."""

from __future__ import annotations

import sys

from launch.actions import DeclareLaunchArgument, ExecuteProcess, OpaqueFunction
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration, PythonExpression
from launch_ros.actions import Node

from emiff_ros import bringup
from launch import LaunchDescription

ARGUMENTS = (
    (
        'model',
        'emiff_small',
        'Name of shipped weights or path of a .safetensors file, the same for both nodes.',
    ),
    ('device', 'auto', 'Where the networks run: auto, cpu or cuda:N.'),
    ('log_level', 'info', 'Log level of both nodes.'),
    ('use_sim_time', 'false', 'Take the time from /clock; needed when a bag is replayed.'),
    ('bag', '', 'rosbag2 to replay with its clock; empty for live cameras.'),
    ('rate', '1.0', 'Speed of the replay.'),
)


def start_nodes(context: object) -> list[Node]:
    """Turn the table of processes into launch actions."""

    def argument(name: str) -> str:
        return LaunchConfiguration(name).perform(context)

    replays = bool(argument('bag'))
    processes = bringup.cooperative(
        model=argument('model'),
        device=argument('device'),
        use_sim_time=argument('use_sim_time').lower() == 'true',
    )
    if replays:
        processes = [bringup.for_replay(process) for process in processes]
    return [
        Node(
            package=bringup.PACKAGE,
            executable=process.executable,
            namespace=process.namespace,
            parameters=[str(process.parameters_file), process.parameters],
            remappings=list(process.remappings.items()),
            arguments=['--ros-args', '--log-level', argument('log_level')],
            output='screen',
        )
        for process in processes
    ]


def generate_launch_description() -> LaunchDescription:
    """Declare the arguments and start the nodes."""
    arguments = [
        DeclareLaunchArgument(name, default_value=default, description=description)
        for name, default, description in ARGUMENTS
    ]
    bag = LaunchConfiguration('bag')
    player = ExecuteProcess(
        cmd=[
            sys.executable, '-m', 'emiff_ros', 'play-bag', bag, '--clock', '40', '--rate',
            LaunchConfiguration('rate'),
        ],
        condition=IfCondition(PythonExpression(["'", bag, "' != ''"])),
        output='screen',
    )  # fmt: skip
    return LaunchDescription([*arguments, OpaqueFunction(function=start_nodes), player])
