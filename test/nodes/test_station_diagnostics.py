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

"""Diagnostics of the roadside node, of a network, of pieces and of the lossy link: and back."""

import shutil
from types import SimpleNamespace

from lifecycle_msgs.msg import Transition
from nodes.operator import Operator
from nodes.stream import Stream
from nodes.world import open_world, publish_until, wait_for
import pytest
from rclpy.qos import QoSProfile
from std_msgs.msg import Float64

from emiff_msgs.msg import FeatureChunk, FeatureTensor
from emiff_ros import bringup
from emiff_ros.demo.processes import NodeProcess
from emiff_ros.share import share_directory


@pytest.fixture(scope='module')
def scene(tiny_model, tmp_path_factory):
    """Start a station that hears everything and sends in pieces, too."""
    description = bringup.infrastructure(
        model=str(tiny_model),
        device='cpu',
        threads=1,
        input_timeout=0.6,
        processing_budget=30.0,
    )
    log = tmp_path_factory.mktemp('station') / 'station.log'
    with open_world() as world, NodeProcess(description, log) as process:
        process.wait_until_active(world.listener)
        operator = Operator(world, description.fully_qualified_name)
        operator.wait_for('input calibration', 'ERROR', 'nothing has arrived')
        world.station.wait_until_heard()
        with Stream(world, 'station') as stream:
            operator.wait_for('images', 'OK')
            yield SimpleNamespace(world=world, operator=operator, stream=stream)


@pytest.mark.parametrize('name', ['image', 'camera_info'])
def test_an_input_dies_and_lives_again(scene, name):
    scene.operator.wait_for(f'input {name}', 'OK')
    scene.stream.silent.add(name)
    scene.operator.wait_for(f'input {name}', 'ERROR', f'nothing on /infrastructure/camera/{name}')
    scene.stream.silent.clear()
    scene.operator.wait_for(f'input {name}', 'OK')


def test_the_byte_budget_costs_content(scene):
    scene.operator.wait_for('rate', 'OK', 'inside the budget')
    scene.operator.set(byte_budget=360)
    _, values = scene.operator.wait_for('rate', 'WARN', 'costs content')
    assert int(values['message_bytes']) <= 360
    scene.operator.set(byte_budget=0)
    scene.operator.wait_for('rate', 'OK', 'inside the budget')


def test_every_measured_quantity_has_a_topic(scene):
    names = {
        'processing_time_ms',
        'latency_ms',
        'preprocess_ms',
        'network_ms',
        'coding_ms',
        'payload_bytes',
        'message_bytes',
    }
    heard = {}
    for name in names:
        scene.world.node.create_subscription(
            Float64,
            f'/infrastructure/infrastructure_node/debug/{name}',
            lambda message, name=name: heard.setdefault(name, message.data),
            QoSProfile(depth=10),
        )
    wait_for(lambda: heard.keys() == names, 60)
    assert all(value > 0 for value in heard.values())
    assert heard['payload_bytes'] < heard['message_bytes']


def test_a_network_is_missing_until_its_file_is_there(world, start, tiny_model, tmp_path):
    path = tmp_path / 'late.safetensors'
    process = start('vehicle', wait=False, model=str(path), autostart=False)
    operator = Operator(world, process.description.fully_qualified_name)
    operator.wait_for('network', 'WARN', 'no network is loaded', timeout=180.0)
    assert not operator.change_state(Transition.TRANSITION_CONFIGURE)
    operator.wait_for('network', 'ERROR', 'cannot configure: no weights')
    for suffix in ('.yaml', '.safetensors'):
        shutil.copy(tiny_model.with_suffix(suffix), path.with_suffix(suffix))
    assert operator.change_state(Transition.TRANSITION_CONFIGURE)
    _, values = operator.wait_for('network', 'OK')
    assert (values['model'], values['device']) == ('late', 'cpu')
    assert float(values['warm_up_ms']) > 0
    assert operator.change_state(Transition.TRANSITION_CLEANUP)
    operator.wait_for('network', 'WARN', 'no network is loaded')


def test_pieces_are_refused(world, start):
    process = start('vehicle', feature_chunk_topics=['/forged'])
    operator = Operator(world, process.description.fully_qualified_name)
    operator.wait_for('chunks', 'OK')
    publisher = world.node.create_publisher(FeatureChunk, '/forged', QoSProfile(depth=10))
    wait_for(publisher.get_subscription_count, 20)
    too_new = ('chunks', 'WARN', 'unsupported_version')
    publish_until(
        publisher,
        FeatureChunk(format_version=9),
        lambda: operator.wait_for(*too_new, timeout=2, required=False),
        60,
    )
    operator.wait_for('chunks', 'OK')


def test_the_lossy_link_says_when_it_is_too_narrow_or_silent(world, tmp_path):
    description = bringup.ProcessDescription(
        'lossy_link_node',
        'radio',
        share_directory() / 'config' / 'lossy_link_node.param.yaml',
        {'bandwidth': 4000.0, 'max_queue': 0.1, 'input_timeout': 0.6},
        {'~/input': '/sent', '~/output': '/radio/features'},
    )
    with NodeProcess(description, tmp_path / 'radio.log') as process:
        process.wait_until_active(world.listener)
        operator = Operator(world, description.fully_qualified_name)
        operator.wait_for('input', 'ERROR', 'nothing has arrived on /sent')
        publisher = world.node.create_publisher(FeatureTensor, '/sent', QoSProfile(depth=50))
        wait_for(publisher.get_subscription_count, 20)
        too_much = ('link', 'WARN', 'waited too long for the bandwidth')
        for attempt in range(12):  # The link may find its sender later than its sender the link.
            for _ in range(20):
                publisher.publish(FeatureTensor(format_version=1))
            if operator.wait_for(*too_much, timeout=5.0, required=attempt == 11):
                break
        operator.wait_for('link', 'OK')
        operator.wait_for('input', 'ERROR', 'nothing on /sent')
        operator.set(input_timeout=60.0)
        publisher.publish(FeatureTensor(format_version=1))
        operator.wait_for('input', 'OK')
        wide = QoSProfile(depth=1)
        wide.durability = wide.durability.TRANSIENT_LOCAL
        subscription = world.node.create_subscription(
            FeatureTensor, '/radio/features', lambda _: None, wide
        )
        operator.wait_for('qos', 'ERROR', '/radio/features (subscription, durability)')
        world.node.destroy_subscription(subscription)
        operator.wait_for('qos', 'OK')
