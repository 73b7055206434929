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

"""Imports point downward only: the network needs no ROS, no files and no data set."""

import subprocess
import sys

import pytest

ROS = ('rclpy', 'emiff_msgs', 'sensor_msgs', 'vision_msgs', 'message_filters', 'cv_bridge')
UPPER = ('emiff_ros.nodes', 'emiff_ros.demo', 'emiff_ros.commands')


@pytest.mark.parametrize(
    ('module', 'forbidden'),
    [
        (
            'emiff_ros.model',
            (*ROS, *UPPER, 'cv2', 'torchvision', 'emiff_ros.dair', 'emiff_ros.transport'),
        ),
        (
            'emiff_ros.acceleration',
            (*ROS, *UPPER, 'torchvision', 'emiff_ros.dair', 'emiff_ros.transport'),
        ),
        ('emiff_ros.benchmarking.comparison', (*ROS, *UPPER, 'emiff_ros.transport')),
        ('emiff_ros.transport', (*ROS, *UPPER, 'torch', 'emiff_ros.dair')),
        ('emiff_ros.transport.codec', (*ROS, *UPPER, 'torch', 'emiff_ros.dair')),
        ('emiff_ros.matching.matcher', (*ROS, *UPPER, 'torch', 'emiff_ros.dair')),
        ('emiff_ros.dair.reader', (*ROS, *UPPER, 'torch')),
        ('emiff_ros.dair.evaluation', (*ROS, *UPPER, 'torch')),
        ('emiff_ros.bags.reader', (*ROS, *UPPER, 'torch', 'emiff_ros.dair')),
        ('emiff_ros.bags.player', (*UPPER, 'torch', 'emiff_ros.dair')),
        ('emiff_ros.bags.recorder', (*UPPER, 'torch', 'emiff_ros.dair')),
        ('emiff_ros.training.losses', (*ROS, *UPPER)),
        ('emiff_ros.cli', (*ROS, *UPPER, 'torch', 'numpy')),
    ],
)
def test_a_module_does_not_know_what_lies_above_it(module, forbidden):
    script = f'import sys, {module}; print(*sorted(set({forbidden!r}) & set(sys.modules)))'
    answer = subprocess.run(
        [sys.executable, '-c', script], check=True, capture_output=True, text=True
    )
    assert answer.stdout.split() == []
