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

"""Write topics to a rosbag2 (MCAP) as they arrive, where ``ros2 bag record`` is not installed."""

from __future__ import annotations

import argparse
from pathlib import Path
import threading

import rclpy
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions

from emiff_ros.bags.recorder import BagRecorder
from emiff_ros.commands.bag_options import add_metadata_version
from emiff_ros.commands.signals import stop_on_signals
from emiff_ros.executor import spin


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument('bag', type=Path, help='folder of the bag to write')
    parser.add_argument('topics', nargs='+', metavar='TOPIC', help='topics to record')
    add_metadata_version(parser)
    parser.add_argument(
        '--use-sim-time', action='store_true', help='stamp messages with the time of /clock'
    )


def run(arguments: argparse.Namespace) -> int:
    """Record until SIGINT or SIGTERM."""
    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    sim_time = Parameter('use_sim_time', value=arguments.use_sim_time)
    node = rclpy.create_node('emiff_bag_recorder', parameter_overrides=[sim_time])
    stopping = threading.Event()
    stop_on_signals(stopping.set)
    try:
        with BagRecorder(
            node, arguments.bag, arguments.topics, arguments.metadata_version
        ) as recorder:
            spin(node, stopping)
        has_time = node.get_clock().now().nanoseconds > 0
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
    print(
        f'{arguments.bag}: {recorder.messages.total()} messages on {len(recorder.messages)} topics'
    )
    if recorder.dropped:
        print(f'  not recorded: {recorder.dropped} messages from before the simulated time')
    if not has_time:
        print("  no simulated time came, stamps are the system's: is somebody publishing /clock?")
    for topic, reason in recorder.skipped.items():
        print(f'  not recorded: {topic}: {reason}')
    for topic in recorder.missing:
        print(f'  not recorded: {topic}: nobody published it')
    return 0
