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

"""Both nodes as processes: features cross DDS, and the vehicle survives the station."""

import time

from nodes.stream import FeatureSource
from nodes.world import TINY, save_tiny_model, wait_for, wait_until
import pytest

from emiff_msgs.msg import FusionStatus, StationStatus

CUT_OFF = b'\xff\xd8 cut off'


def test_features_cross_and_are_fused(world, start):
    start('infrastructure')
    start('vehicle')
    status = world.fused_result()
    station = status.stations[0]
    assert station.station_id == 'station'
    assert station.state == StationStatus.USED
    assert status.header.frame_id == 'vehicle'
    assert 0 < status.processing_time < 10
    size = next(iter(world.listener.features.values()))
    assert 0 < size.payload < size.message


@pytest.mark.parametrize('topics', [['~/input/features'], ['']])
def test_without_a_station_the_vehicle_answers_alone(world, start, topics):
    start('vehicle', feature_topics=topics)
    status = world.result(world.publish_vehicle())
    assert status.mode == FusionStatus.VEHICLE_ONLY
    assert len(status.stations) == 0


def test_a_network_without_roadside_views_fuses_nothing(world, start, tmp_path):
    alone = {**TINY, 'modality': 'vehicle_only'}
    model = save_tiny_model(tmp_path / 'alone.safetensors', config=alone)
    start('vehicle', model=str(model))
    features = FeatureSource(world, model)
    wait_for(lambda: features.is_heard, 20)

    def answer():
        features.publish()
        return world.result(world.publish_vehicle())

    def hears_the_station():
        return any(station.state == StationStatus.REFUSED for station in answer().stations)

    wait_for(hears_the_station, 30)
    status = answer()
    assert status.mode == FusionStatus.VEHICLE_ONLY
    assert 'takes no roadside features' in status.stations[0].reason


def test_the_vehicle_survives_its_station(world, start):
    station = start('infrastructure')
    start('vehicle')
    world.fused_result()
    begin = time.monotonic()
    for _ in range(10):
        world.result(world.publish_vehicle())
    # Half of the measured capacity, but no faster than a camera: the tiny network is so quick that
    # a pause of a busy machine would replace several images.
    period = max(2 * (time.monotonic() - begin) / 10, 0.1)

    station.kill()
    stamps = []
    for _ in range(40):
        begin = time.monotonic()
        stamps.append(world.publish_vehicle())
        wait_until(begin + period)
    missing = world.listener.wait_for_results(stamps, 2.0)
    assert len(missing) <= 0.05 * len(stamps)
    last = world.listener.statuses[max(set(stamps) - missing)]
    assert last.mode == FusionStatus.VEHICLE_ONLY
    assert last.stations[0].state == StationStatus.STALE

    start('infrastructure')
    assert world.fused_result().mode == FusionStatus.FUSED


def test_counters_add_up(world, start):
    start('infrastructure')
    vehicle = start('vehicle').description.fully_qualified_name
    world.fused_result()
    world.publish_vehicle(jpeg=CUT_OFF)
    wait_for(lambda: 'refused.truncated_image' in _counters(world, vehicle, 'images'), 20.0)
    for index in range(30):
        if index % 3:
            world.publish_station()
        world.publish_vehicle(jpeg=CUT_OFF if index % 7 == 0 else None)
    world.result(world.publish_vehicle())
    published = len(world.listener.statuses)
    wait_for(lambda: _counters(world, vehicle, 'images')['published'] == published, 20.0)
    images = _counters(world, vehicle, 'images')
    assert images['received'] == images['published'] + images['replaced'] + images['refused']
    assert images['refused'] == images['refused.truncated_image']
    features = _counters(world, vehicle, 'stations')
    settled = ('fused', 'superseded', 'expired', 'refused', 'cached')
    assert features['received'] == sum(features[name] for name in settled)


def _counters(world, node, kind):
    return {name: int(value) for name, value in world.listener.diagnostics(node, kind).items()}


@pytest.mark.parametrize(
    'parameters',
    [
        {'device': 'cuda:7'},
        {'model': 'no_such_model'},
        {'pairs_file': '/nowhere/pairs.csv'},
        {'feature_topics': ['no name']},
        {'typo': 1},
    ],
)
def test_a_node_that_cannot_work_says_why_and_ends(world, start, parameters):
    process = start('vehicle', wait=False, **parameters)
    wait_for(lambda: not process.is_running, 180.0)
    ((name, value),) = parameters.items()
    value = value[0] if isinstance(value, list) else value
    assert f'{value}' in process.log_tail() or name in process.log_tail()
    assert 'Traceback' not in process.log_tail(100)
