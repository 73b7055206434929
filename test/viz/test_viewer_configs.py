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

"""The RViz configuration and the Foxglove layout name what the suite publishes, nothing else."""

from dataclasses import replace
import json
import re

import numpy as np
import pytest
from std_msgs.msg import Header
import yaml

from emiff_ros import bringup
from emiff_ros.dair.bag_topics import (
    CAMERA_INFO,
    COMPRESSED_IMAGE,
    TOPIC_TYPES,
    VEHICLE_FRAME,
)
from emiff_ros.nodes.vehicle_debug import KEPT
from emiff_ros.share import share_directory
from emiff_ros.viz.birds_eye import BirdsEyeConfig
from emiff_ros.viz.markers import make_markers
from emiff_ros.viz.palette import Source
from emiff_ros.viz.projection import CameraView
from emiff_ros.viz.records import BoxLayer

RVIZ = share_directory() / 'config' / 'rviz' / 'cooperative.rviz'
FOXGLOVE = share_directory() / 'config' / 'foxglove' / 'cooperative.json'
IMAGE_PLUGINS = ('rviz_default_plugins/Image', 'rviz_default_plugins/Camera')


def node_topics():
    """Return the topics that the nodes of the bringup table publish."""
    return {
        f'/{process.namespace}/{target}'
        for process in bringup.cooperative()
        for source, target in process.remappings.items()
        if source.startswith(('~/output/', '~/debug/'))
    }


@pytest.fixture(scope='module')
def published():
    return {*TOPIC_TYPES, *node_topics(), '/diagnostics'}


@pytest.fixture(scope='module')
def rviz():
    return yaml.safe_load(RVIZ.read_text(encoding='utf-8'))


@pytest.fixture(scope='module')
def displays(rviz):
    return {display['Name']: display for display in rviz['Visualization Manager']['Displays']}


@pytest.fixture(scope='module')
def layout():
    return json.loads(FOXGLOVE.read_text(encoding='utf-8'))


def test_rviz_subscribes_to_published_topics_only(displays, published):
    topics = {name: view['Topic']['Value'] for name, view in displays.items() if 'Topic' in view}
    assert set(topics.values()) <= published
    assert topics['Boxes'] == topics['Camera views'] == '/vehicle/debug/markers'
    assert topics['Vehicle camera'] == '/vehicle/debug/image'
    assert topics['From above'] == '/vehicle/debug/birds_eye'
    assert TOPIC_TYPES[topics['Roadside camera']] == COMPRESSED_IMAGE


def test_rviz_finds_the_camera_info_with_the_remapping_that_the_file_names(displays):
    """RViz derives the topic from the base name of a compressed image."""
    image = displays['Roadside camera']['Topic']['Value']
    derived = image.removesuffix('/compressed') + '/camera_info'
    found = re.findall(r'-r (\S+):=(\S+)', RVIZ.read_text(encoding='utf-8'))
    assert found == [(derived, '/infrastructure/camera/camera_info')]
    assert TOPIC_TYPES[found[0][1]] == CAMERA_INFO


def test_rviz_draws_in_the_frame_of_the_boxes(rviz, displays):
    manager = rviz['Visualization Manager']
    assert manager['Global Options']['Fixed Frame'] == VEHICLE_FRAME
    assert manager['Views']['Current']['Target Frame'] == VEHICLE_FRAME
    assert displays['Grid']['Reference Frame'] == VEHICLE_FRAME
    assert displays['Grid']['Offset']['Z'] == BirdsEyeConfig().ground_z


def test_every_rviz_display_is_on_and_best_effort_where_images_come_in(displays):
    for view in displays.values():
        assert view['Enabled'] is True
        assert view['Class'].startswith('rviz_default_plugins/')
        if view['Class'] in IMAGE_PLUGINS:
            assert view['Topic']['Reliability Policy'] == 'Best Effort'
    assert set(displays['Roadside camera']['Visibility']) - {'Value'} == set(displays) - {
        'Roadside camera'
    }


def test_every_marker_is_drawn_once_and_no_camera_view_in_front_of_the_roadside_camera(displays):
    """A camera's pyramid begins at its lens: seen from there it would fill the picture."""
    box = BoxLayer(Source.VEHICLE_ONLY, np.array([[10, 0, 0, 4, 2, 1.5, 0]]), np.array([0.5]))
    view = CameraView(np.eye(3), np.eye(3, 4)), (9, 16)
    boxes, views = (displays[name]['Namespaces'] for name in ('Boxes', 'Camera views'))
    for source in (Source.VEHICLE_ONLY, Source.COOPERATIVE):
        markers = make_markers(
            Header(), [replace(box, source=source)], [(source, *view), (Source.ROADSIDE, *view)]
        ).markers[1:]
        for name in {marker.ns for marker in markers}:
            is_view = name.endswith('/view')
            assert (boxes.get(name, True), views.get(name, True)) == (not is_view, is_view)
    assert displays['Roadside camera']['Visibility']['Boxes'] is True
    assert displays['Roadside camera']['Visibility']['Camera views'] is False


def test_rviz_misses_no_markers_while_it_is_busy(displays):
    for name in ('Boxes', 'Camera views'):
        assert displays[name]['Topic']['Depth'] == KEPT > 1


def test_the_rviz_window_has_a_place_for_every_panel_and_image(rviz, displays):
    names = [panel['Name'] for panel in rviz['Panels']]
    names += [name for name, view in displays.items() if view['Class'] in IMAGE_PLUGINS]
    geometry = rviz['Window Geometry']
    assert set(names) <= set(geometry)
    state = bytes.fromhex(geometry['QMainWindow State'])
    for name in names:
        assert name.encode('utf-16-be') in state


def layout_topics(layout):
    """Return every topic that a panel names."""
    topics = set()
    for panel in layout['configById'].values():
        image = panel.get('imageMode', {})
        topics |= {image[key] for key in ('imageTopic', 'calibrationTopic') if key in image}
        topics |= set(panel.get('topics', {}))
        topics |= {path['value'].partition('.')[0] for path in panel.get('paths', [])}
        topics |= {panel[key] for key in ('topicPath', 'topicToRender') if key in panel}
    return topics


def test_foxglove_shows_published_topics_only(layout, published):
    topics = layout_topics(layout)
    assert topics <= published
    assert {'/vehicle/debug/markers', '/vehicle/debug/birds_eye', '/diagnostics'} <= topics


def test_foxglove_panels_are_all_placed_and_of_known_kinds(layout):
    def leaves(node):
        if isinstance(node, str):
            return [node]
        assert 0 < node['splitPercentage'] < 100
        return leaves(node['first']) + leaves(node['second'])

    placed = leaves(layout['layout'])
    assert sorted(placed) == sorted(layout['configById'])
    kinds = {panel.partition('!')[0] for panel in placed}
    assert kinds == {'3D', 'Image', 'Plot', 'RawMessages', 'DiagnosticSummary'}


def test_foxglove_images_have_the_camera_info_of_their_side(layout):
    for side in ('vehicle', 'infrastructure'):
        modes = [panel.get('imageMode', {}) for panel in layout['configById'].values()]
        (mode,) = [mode for mode in modes if f'/{side}/camera/' in mode.get('imageTopic', '')]
        assert TOPIC_TYPES[mode['imageTopic']] == COMPRESSED_IMAGE
        assert TOPIC_TYPES[mode['calibrationTopic']] == CAMERA_INFO
        assert mode['calibrationTopic'].startswith(f'/{side}/')
    assert layout['configById']['3D!scene']['followTf'] == VEHICLE_FRAME


def test_foxglove_plots_fields_that_the_message_has(layout):
    definition = (share_directory() / 'emiff_msgs' / 'msg' / 'FusionStatus.msg').read_text()
    fields = set(re.findall(r'^\S+ (\w+)$', definition, flags=re.MULTILINE))
    paths = [path['value'] for path in layout['configById']['Plot!time']['paths']]
    assert {path.partition('.')[2] for path in paths} <= fields
    assert len(paths) == 2
