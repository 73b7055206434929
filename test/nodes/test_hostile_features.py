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

"""Hostile features over DDS: each refused by name and counted exactly; the node goes on.

They are real features of the running station, spoiled and each sent under another name.
"""

from collections import Counter
import copy
from dataclasses import replace
from functools import partial
import math
import zlib

from nodes.world import save_tiny_model, wait_for
import numpy as np
import pytest
from rclpy.qos import QoSProfile
from rclpy.serialization import deserialize_message

from emiff_msgs.msg import FeatureTensor, FusionStatus, StationStatus
from emiff_ros.model.weights import load_infrastructure_encoder
from emiff_ros.transport.codec import encode_feature
from emiff_ros.transport.feature_message import header_from_message, serialize_feature

INTRUDER = 'intruder'
FOUR_GIGABYTES = 2**32 - 1
CAP = 64 * 2**20

MAX_AGE = 2.0
"""Of a feature, s: a machine that is busy with other work must not make it too old."""


def truncated(feature):
    feature.payload = feature.payload[: len(feature.payload) // 2]


def truncated_with_its_checksum(feature):
    truncated(feature)
    feature.crc32 = zlib.crc32(bytes(feature.payload))


def flipped_bit(feature):
    feature.payload[len(feature.payload) // 2] ^= 4


def four_gigabytes_declared(feature):
    feature.decoded_size = FOUR_GIGABYTES


def four_gigabytes_of_cells(feature):
    feature.shape = np.array([1, 2**16, 2**16], np.uint32)
    feature.decoded_size = FOUR_GIGABYTES


def four_gigabytes_in_the_frame(feature):
    """Let the header of a zstd frame (RFC 8878, 3.1.1) say what the message does not."""
    frame = b'\x28\xb5\x2f\xfd\xa0' + FOUR_GIGABYTES.to_bytes(4, 'little') + b'\x02\0\0\0'
    feature.coder, feature.quantization = 1, 2
    feature.decoded_size = math.prod(feature.shape.tolist())
    feature.payload, feature.crc32 = frame, zlib.crc32(frame)


def nan_scale(feature):
    feature.scale[0] = math.nan


def infinite_zero_point(feature):
    feature.zero_point[0] = math.inf


def nan_values(feature):
    count = math.prod(feature.shape.tolist())
    payload = np.full(count, math.nan, '<f4').tobytes()
    feature.coder = feature.quantization = 0
    feature.scale = feature.zero_point = []
    feature.decoded_size, feature.payload = len(payload), payload
    feature.crc32 = zlib.crc32(payload)


def replace_by(header, encoded, feature):
    other = deserialize_message(serialize_feature(header, encoded), FeatureTensor)
    for name in feature.get_fields_and_field_types():
        setattr(feature, name, getattr(other, name))


def huge_value(feature):
    """Make a well-formed feature of it, one of whose values no network computes."""
    tensor = np.zeros(feature.shape.tolist(), np.float32)
    tensor[0, 4, 4] = 1e30
    replace_by(header_from_message(feature), encode_feature(tensor, 'float32', 'raw'), feature)


def unknown_coder(feature):
    feature.coder = 250


def named(name, feature):
    feature.station_id = name


def of_another_size(height, width, feature):
    """Replace the feature by a well-formed one of another image size."""
    padded = tuple(-(-side // 32) * 32 for side in (height, width))
    header = replace(
        header_from_message(feature),
        image_size=(height, width),
        padded_size=padded,
        intrinsics=np.array([[width / 2, 0, width / 2], [0, width / 2, height / 2], [0, 0, 1]]),
    )
    channels = feature.shape[0]
    tensor = np.ones((channels, padded[0] // 8, padded[1] // 8), np.float32)
    replace_by(header, encode_feature(tensor, 'int8', 'zstd'), feature)


CASES = (
    ('checksum', truncated),
    ('corrupt_payload', truncated_with_its_checksum),
    ('checksum', flipped_bit),
    ('decoded_size', four_gigabytes_declared),
    ('too_large', four_gigabytes_of_cells),
    ('decoded_size', four_gigabytes_in_the_frame),
    ('bad_scale', nan_scale),
    ('bad_scale', infinite_zero_point),
    ('non_finite', nan_values),
    ('unsupported_coder', unknown_coder),
    ('bad_image_size', partial(of_another_size, 64, 64)),
    ('bad_image_size', partial(of_another_size, 90, 160)),
    ('bad_image_size', partial(of_another_size, 8192, 8192)),
    ('bad_identity', partial(named, '')),
    ('bad_identity', partial(named, 'x' * 65)),
)


@pytest.fixture
def genuine(world, start):
    """Start both nodes and return a feature that the vehicle has fused."""
    heard = {}
    world.node.create_subscription(
        FeatureTensor,
        '/infrastructure/features',
        lambda message: heard.setdefault(message.station_id, message),
        QoSProfile(depth=10),
    )
    start('infrastructure')
    vehicle = start('vehicle', max_feature_age=MAX_AGE)
    world.fused_result(60.0)
    (message,) = heard.values()
    return vehicle, message


def peak_memory(process):
    with open(f'/proc/{process._process.pid}/status') as lines:
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith('VmHWM'))


def station_of(status, name):
    return next((item for item in status.stations if item.station_id == name), None)


def refused(world, vehicle):
    """Let the vehicle answer an image; return what it has refused by cause."""
    world.result(world.publish_vehicle())
    counts = world.listener.diagnostics(vehicle, 'stations', 20.0)
    settled = ('fused', 'superseded', 'expired', 'refused', 'cached')
    assert int(counts['received']) == sum(int(counts[name]) for name in settled)
    return {
        key.removeprefix('refused.'): int(value)
        for key, value in counts.items()
        if key.startswith('refused.')
    }


def test_each_is_refused_by_name_and_the_node_goes_on(world, genuine, tmp_path):
    process, original = genuine
    vehicle = process.description.fully_qualified_name
    publisher = world.node.create_publisher(
        FeatureTensor, '/infrastructure/features', QoSProfile(depth=10)
    )
    wait_for(lambda: publisher.get_subscription_count() >= 3, 20)
    _, _, other = load_infrastructure_encoder(save_tiny_model(tmp_path / 'other.safetensors', 1))

    def of_another_model(feature):
        feature.model_fingerprint = np.frombuffer(bytes.fromhex(other), np.uint8)

    cases = (*CASES, ('wrong_model', of_another_model))

    def publish(name, number, spoil=None):
        feature = copy.deepcopy(original)
        feature.station_id, feature.sequence = name, number
        feature.header.stamp = world.now().to_msg()
        if spoil is not None:
            spoil(feature)
        publisher.publish(feature)

    # What only the network can find out costs neither the result nor the honest station.
    statuses, numbers = [], iter(range(1000))

    def huge_values_are_refused():
        fresh = world.publish_station()
        wait_for(lambda: fresh in world.listener.features, 20)
        publish('of huge values', next(numbers), huge_value)
        statuses.append(world.result(world.publish_vehicle()))
        station = station_of(statuses[-1], 'of huge values')
        return station is not None and station.state == StationStatus.REFUSED

    wait_for(huge_values_are_refused, 30)
    assert refused(world, vehicle) == {'fusion_failed': 1}
    status = statuses[-1]
    assert status.mode == FusionStatus.FUSED
    assert station_of(status, original.station_id).state == StationStatus.USED
    assert 'values up to 1e+30' in station_of(status, 'of huge values').reason

    before = peak_memory(process)
    expected = Counter(fusion_failed=1)
    for number, (cause, spoil) in enumerate(cases):
        publish(f'{INTRUDER} {number}', number, spoil)
        expected[cause] += 1
        wait_for(lambda: refused(world, vehicle) == expected, 30)

    assert peak_memory(process) - before < CAP
    status = world.fused_result(60.0)
    assert {item.station_id for item in status.stations} == {original.station_id, 'of huge values'}
    honest = station_of(status, original.station_id)
    assert (honest.state, honest.refused) == (StationStatus.USED, 0)

    # So many names were refused, and there is room for one more station.
    def latecomer_is_used():
        publish('latecomer', next(numbers))
        latecomer = station_of(world.result(world.publish_vehicle()), 'latecomer')
        return latecomer is not None and latecomer.state == StationStatus.USED

    wait_for(latecomer_is_used, 30)
