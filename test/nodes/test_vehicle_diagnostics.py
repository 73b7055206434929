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

"""Every diagnostic of the vehicle node goes to WARN or ERROR and comes back."""

from types import SimpleNamespace

from nodes.operator import Operator
from nodes.stream import FeatureSource, Stream
from nodes.world import open_world, wait_for
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Float64

from emiff_msgs.msg import FusionStatus
from emiff_ros import bringup
from emiff_ros.demo.processes import NodeProcess

CUT_OFF = b'\xff\xd8 cut off'
IMAGE_TOPIC = '/vehicle/camera/image/compressed'
UNHEARD_TOPIC = '/vehicle/vehicle_node/debug/payload_bytes'


@pytest.fixture(scope='module')
def scene(tiny_model, tmp_path_factory):
    """Start a vehicle that hears everything; its image topic asks for a reliable publisher."""
    parameters = {
        'model': str(tiny_model),
        'device': 'cpu',
        'threads': 1,
        'input_timeout': 0.6,
        'processing_budget': 30.0,
        f'qos_overrides.{IMAGE_TOPIC}.subscription.reliability': 'reliable',
    }
    description = bringup.vehicle(**parameters)
    log = tmp_path_factory.mktemp('vehicle') / 'vehicle.log'
    with open_world() as world, NodeProcess(description, log) as process:
        process.wait_until_active(world.listener)
        operator = Operator(world, description.fully_qualified_name)
        awaited = operator.wait_for('input calibration', 'ERROR', 'nothing has arrived')
        features = FeatureSource(world, tiny_model)
        world.vehicle.wait_until_heard()
        wait_for(lambda: features.is_heard, 20)
        with Stream(world, 'vehicle', features) as stream:
            operator.wait_for('fusion', 'OK', 'fused')
            yield SimpleNamespace(world=world, operator=operator, stream=stream, awaited=awaited)


@pytest.fixture
def operator(scene):
    yield scene.operator
    scene.stream.silent.clear()
    scene.stream.jpegs = [None]


@pytest.mark.parametrize('name', ['image', 'camera_info', 'odometry'])
def test_an_input_dies_and_lives_again(scene, operator, name):
    _, values = operator.wait_for(f'input {name}', 'OK')
    assert float(values['rate_hz']) > 0
    assert abs(float(values['delay_s'])) < 60
    scene.stream.silent.add(name)
    operator.wait_for(f'input {name}', 'WARN', values['topic'])
    message, values = operator.wait_for(f'input {name}', 'ERROR', 'nothing on')
    assert float(values['age_s']) > 3
    scene.stream.silent.clear()
    operator.wait_for(f'input {name}', 'OK')


def test_topics_name_how_many_are_connected(scene, operator):
    _, values = operator.wait_for('peers', 'OK', 'topics have peers')
    assert values[IMAGE_TOPIC] == '1'
    assert values['/infrastructure/features'] == '1'
    assert values[UNHEARD_TOPIC] == '0'
    scene.world.listener.create_subscription(Float64, UNHEARD_TOPIC, lambda _: None, 1)

    def is_connected():
        return operator.wait_for('peers', 'OK')[1][UNHEARD_TOPIC] == '1'

    wait_for(is_connected, 20)


def test_a_calibration_is_awaited_but_once(scene, operator):
    message, values = scene.awaited
    assert values['topic'] == '/vehicle/calibration'
    scene.stream.silent.add('calibration')
    operator.wait_for('input image', 'OK')

    def is_older_than_the_timeout():
        _, values = operator.wait_for('input calibration', 'OK')
        return float(values['age_s']) > 4

    wait_for(is_older_than_the_timeout, 60)


def test_images_are_refused(scene, operator):
    operator.wait_for('images', 'OK')
    scene.stream.jpegs = [None, None, CUT_OFF]
    operator.wait_for('images', 'WARN', 'truncated_image')
    scene.stream.jpegs = [CUT_OFF]
    operator.wait_for('images', 'ERROR', 'every image refused')
    scene.stream.jpegs = [None]
    operator.wait_for('images', 'OK')


def test_results_exceed_their_budget(operator):
    operator.wait_for('processing time', 'OK', 'within')
    operator.set(processing_budget=0.001, budget_persistence=3600.0)
    operator.wait_for('processing time', 'WARN', 'newest result')
    operator.set(budget_persistence=0.5)
    _, values = operator.wait_for('processing time', 'ERROR', 'every result')
    assert int(values['over_budget']) > 0
    assert float(values['p95_ms']) <= float(values['max_ms'])
    operator.set(processing_budget=30.0)
    operator.wait_for('processing time', 'OK', 'within')


def test_memory_exceeds_its_limit(operator):
    operator.wait_for('memory', 'OK')
    operator.set(memory_limit=1)
    _, values = operator.wait_for('memory', 'WARN', 'limit of 1 MiB')
    assert int(values['resident_mib']) > 50
    operator.set(memory_limit=0)
    operator.wait_for('memory', 'OK')


def test_a_publisher_does_not_fit(scene, operator):
    operator.wait_for('qos', 'OK')
    node = scene.world.node
    best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    publisher = node.create_publisher(CompressedImage, IMAGE_TOPIC, best_effort)
    _, values = operator.wait_for('qos', 'ERROR', f'{IMAGE_TOPIC} (publisher, reliability)')
    assert values[IMAGE_TOPIC] == 'reliability: /world'
    node.destroy_publisher(publisher)
    _, values = operator.wait_for('qos', 'OK')
    assert int(values['incompatible_events']) > 0


def test_a_subscription_does_not_fit(scene, operator):
    operator.wait_for('qos', 'OK')
    node = scene.world.node
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    topic = '/vehicle/fusion_status'
    subscription = node.create_subscription(FusionStatus, topic, lambda _: None, latched)
    operator.wait_for('qos', 'ERROR', f'{topic} (subscription, durability)')
    node.destroy_subscription(subscription)
    operator.wait_for('qos', 'OK')


def test_the_station_falls_silent(scene, operator):
    operator.wait_for('stations', 'OK', '1 of 1')
    _, values = operator.wait_for('station station', 'OK')
    assert float(values['rate_hz']) > 0
    assert values['state'] == 'USED'
    assert float(values['age_ms']) < 1000
    scene.stream.silent.add('features')
    operator.wait_for('fusion', 'WARN', 'ms old')
    operator.wait_for('station station', 'WARN', 'silent')
    operator.wait_for('stations', 'WARN', 'no station heard')
    scene.stream.silent.clear()
    for task in ('stations', 'station station', 'fusion'):
        operator.wait_for(task, 'OK')


def test_the_link_loses_features(scene, operator):
    operator.wait_for('station station', 'OK')
    scene.stream.lost_between = 2
    _, values = operator.wait_for('station station', 'WARN', 'lost')
    assert float(values['loss']) > 0.2
    scene.stream.lost_between = 0
    operator.wait_for('station station', 'OK')


def test_a_station_has_another_model(scene, operator):
    operator.wait_for('station station', 'OK')
    scene.stream.feature_fits = False
    operator.wait_for('station station', 'ERROR', 'every feature refused: wrong_model')
    operator.wait_for('fusion', 'WARN', 'vehicle-only')
    scene.stream.feature_fits = True
    operator.wait_for('station station', 'WARN', 'features refused: wrong_model')
    _, values = operator.wait_for('station station', 'OK')
    assert int(values['refused.wrong_model']) > 0


def test_the_pose_is_missing(scene, operator):
    operator.wait_for('pose', 'OK', 'answers')
    scene.stream.silent.add('odometry')
    _, values = operator.wait_for('pose', 'ERROR', 'nearest pose')
    assert int(values['failed.no_pose']) > 0
    operator.wait_for('fusion', 'WARN', 'no pose')
    scene.stream.silent.clear()
    for task in ('pose', 'fusion'):
        operator.wait_for(task, 'OK')


def test_every_measured_quantity_has_a_topic(scene, operator):
    operator.wait_for('fusion', 'OK', 'fused')
    names = (
        'processing_time_ms',
        'latency_ms',
        'preprocess_ms',
        'backbone_ms',
        'matching_ms',
        'detection_ms',
        'feature_age_ms',
        'payload_bytes',
    )
    heard = {}
    node = scene.world.node
    for name in names:
        node.create_subscription(
            Float64,
            f'/vehicle/vehicle_node/debug/{name}',
            lambda message, name=name: heard.setdefault(name, message.data),
            QoSProfile(depth=10),
        )
    wait_for(lambda: len(heard) == len(names), 60)
    assert all(heard[name] > 0 for name in names if name != 'feature_age_ms')
    assert -50 <= heard['feature_age_ms'] <= 300
