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

"""Bad input is refused by name and counted; the nodes live on."""

from functools import partial

from nodes.stream import feature_header
from nodes.world import publish_until, wait_for
import numpy as np
import pytest
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message

from emiff_msgs.msg import FeatureTensor, FusionStatus
from emiff_ros.transport.codec import encode_feature
from emiff_ros.transport.feature_message import serialize_feature


@pytest.fixture
def vehicle(world, start):
    name = start('vehicle').description.fully_qualified_name
    world.result(world.publish_vehicle())
    return name


def refused(world, vehicle, cause, task='images'):
    return int(world.listener.diagnostics(vehicle, task).get(f'refused.{cause}', 0))


def test_images(world, vehicle):
    world.publish_vehicle(jpeg=world.vehicle.jpeg[:2000])
    wait_for(lambda: refused(world, vehicle, 'truncated_image') == 1, 10)

    world.vehicle.publish(type(world.now().to_msg())())
    wait_for(lambda: refused(world, vehicle, 'zero_stamp') == 1, 10)

    before = type(world.now().to_msg())(sec=-3, nanosec=5)
    world.vehicle.publish(before)
    wait_for(lambda: refused(world, vehicle, 'zero_stamp') == 2, 10)
    counts = world.listener.diagnostics(vehicle, 'images')
    assert counts['received'] == '4'

    world.vehicle.info.width *= 2
    wait_for(lambda: world.publish_vehicle() and refused(world, vehicle, 'size_mismatch'), 20)
    world.vehicle.info.width //= 2
    answered = len(world.listener.detections)
    wait_for(lambda: world.publish_vehicle() and len(world.listener.detections) > answered, 20)


def test_a_bad_calibration_does_not_replace_a_good_one(world, vehicle):
    good = np.array(world.vehicle.calibration.camera_from_reference)
    world.vehicle.calibration.camera_from_reference[5] = float('nan')
    assert world.result(world.publish_vehicle()).mode == FusionStatus.VEHICLE_ONLY
    world.vehicle.calibration.camera_from_reference = good
    assert world.result(world.publish_vehicle()).mode == FusionStatus.VEHICLE_ONLY


def feature(world, fingerprint):
    header = feature_header(world, fingerprint, 'intruder')
    data = serialize_feature(header, encode_feature(np.ones((1, 12, 20), np.float32)))
    return deserialize_message(data, FeatureTensor)


def test_features(world, vehicle, tiny_model):
    from emiff_ros.model.weights import load_vehicle_model

    fingerprint = bytes.fromhex(load_vehicle_model(tiny_model).fingerprint)
    publisher = world.node.create_publisher(
        FeatureTensor, '/infrastructure/features', QoSProfile(depth=10)
    )
    wait_for(publisher.get_subscription_count, 10)

    def spoiled(**fields):
        message = feature(world, fingerprint)
        for name, value in fields.items():
            setattr(message, name, value)
        return message

    flipped = bytearray(feature(world, fingerprint).payload)
    flipped[3] ^= 16
    cases = {
        'wrong_model': feature(world, bytes(32)),
        'checksum': spoiled(payload=bytes(flipped)),
        'decoded_size': spoiled(decoded_size=2**32 - 1),
        'bad_scale': spoiled(scale=[float('nan')]),
        'implausible_calibration': spoiled(k=[float('nan')] * 9),
        'unsupported_version': spoiled(format_version=99),
        'zero_stamp': spoiled(header=FeatureTensor().header),
    }
    first, message = cases.popitem()
    publish_until(publisher, message, partial(refused, world, vehicle, first, 'stations'), 20)
    for cause, message in cases.items():
        publisher.publish(message)
        wait_for(partial(refused, world, vehicle, cause, 'stations'), 10)
    assert world.result(world.publish_vehicle()).mode == FusionStatus.VEHICLE_ONLY
