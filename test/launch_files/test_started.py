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

"""Every launch file is started, where launch and the built package are installed."""

import signal
import subprocess
import sys

import pytest

pytest.importorskip('launch_ros', reason='launch is part of a ROS 2 installation')

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from dair.dair_folder import write_dair_folder
from launch import LaunchContext
from launch.launch_description_sources import PythonLaunchDescriptionSource
from nodes.world import open_world, save_tiny_model, wait_for

from emiff_ros.dair.bag_writer import write_bag
from emiff_ros.dair.reader import DairFolder
from emiff_ros.share import PACKAGE, share_directory


def is_installed():
    try:
        get_package_prefix(PACKAGE)
    except PackageNotFoundError:
        return False
    return True


pytestmark = pytest.mark.skipif(
    not is_installed(), reason=f'{PACKAGE} is not in a sourced workspace'
)

START = 300.0
"""Seconds that nodes may take to come up."""


SCRIPT = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
arguments = [argument.split(':=', 1) for argument in sys.argv[2:]]
source = PythonLaunchDescriptionSource(sys.argv[1])
service = LaunchService(noninteractive=True)
service.include_launch_description(
    LaunchDescription([IncludeLaunchDescription(source, launch_arguments=arguments)])
)
sys.exit(service.run())
"""


class Launched:
    """A launch file that runs in a process of its own, since launch wants the main thread."""

    def __init__(self, name, arguments):
        path = share_directory() / 'launch' / f'{name}.launch.py'
        given = [f'{name}:={value}' for name, value in arguments.items()]
        self._command = [sys.executable, '-c', SCRIPT, str(path), *given]

    def __enter__(self):
        self._process = subprocess.Popen(self._command, start_new_session=True)
        return self

    def __exit__(self, *_):
        self._process.send_signal(signal.SIGINT)
        self._process.wait(90.0)


@pytest.fixture
def common(tmp_path, monkeypatch):
    monkeypatch.setenv('ROS_HOME', str(tmp_path / 'ros_home'))
    return {'model': str(save_tiny_model(tmp_path / 'tiny.safetensors')), 'device': 'cpu'}


@pytest.fixture
def world():
    with open_world() as opened:
        yield opened


@pytest.fixture
def bag(tmp_path):
    write_bag(DairFolder(write_dair_folder(tmp_path)), tmp_path / 'bag')
    return tmp_path / 'bag'


def test_infrastructure_and_vehicle(world, common):
    with Launched('infrastructure', common), Launched('vehicle', common):
        world.station.wait_until_heard(START)
        world.vehicle.wait_until_heard(START)
        world.fused_result(60.0)


@pytest.mark.parametrize('name', ['cooperative', 'replay'])
def test_both_sides_on_a_bag(world, common, bag, tmp_path, name):
    recording = tmp_path / 'recording'
    arguments = {
        **common,
        'source': str(bag),
        'rviz': 'false',
        'loop': 'false',
        'rate': '0.1',
        'record': str(recording),
    }
    with Launched(name, arguments):
        wait_for(lambda: world.listener.detections and world.listener.features, START)
    assert (recording / 'metadata.yaml').is_file()


def test_a_folder_is_converted_and_names_can_be_moved(world, common, tmp_path):
    folder = write_dair_folder(tmp_path)
    moved = {
        'infrastructure/namespace': 'pole',
        'infrastructure/name': 'eye',
        'infrastructure/output/features': '/infrastructure/features',
        'vehicle/input/odometry': 'pose',
    }
    arguments = {**common, **moved, 'source': str(folder), 'rate': '0.1', 'rviz': 'false'}
    with Launched('replay', arguments):
        wait_for(lambda: world.listener.detections and world.listener.features, START)
        names = world.node.get_node_names_and_namespaces()
        assert ('eye', '/pole') in names
        assert world.node.get_publishers_info_by_topic('/vehicle/pose')


def test_arguments_show(capsys):
    for path in sorted((share_directory() / 'launch').glob('*.launch.py')):
        source = PythonLaunchDescriptionSource(str(path))
        description = source.get_launch_description(LaunchContext())
        arguments = {argument.name for argument in description.get_launch_arguments()}
        assert {'model', 'device', 'log_level', 'use_sim_time', 'autostart'} <= arguments
