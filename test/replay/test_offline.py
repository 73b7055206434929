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

"""What the nodes answer over DDS is what the network answers offline on the same two images."""

from dataclasses import replace

import numpy as np
import pytest
from rclpy.time import Time

from emiff_msgs.msg import FusionStatus
from emiff_ros.comparison.network import Network
from emiff_ros.dair.bag_writer import PAIRS_FILE
from emiff_ros.demo.replay import replay

SLOW = 0.25
"""Speed at which a busy machine answers nearly every image."""

MILLIMETRE = 1e-3


@pytest.fixture(scope='module')
def answer(folder, tiny_model):
    """Return a function from the two stamps of a result to the offline detections."""
    network = Network(tiny_model)
    vehicles = {frame.image_stamp: frame for frame in folder.vehicle_frames.values()}
    stations = {frame.image_stamp: frame for frame in folder.infrastructure_frames.values()}
    offsets = folder.roadside_offsets()

    def detect(vehicle_stamp, station_stamp):
        vehicle, views = vehicles[vehicle_stamp], []
        if station_stamp is not None:
            station = stations[station_stamp]
            pair = replace(
                folder.pairs[0],
                vehicle=vehicle,
                infrastructure=station,
                offset=offsets[station.frame_id].offset,
            )
            camera = network.camera(station, pair.camera_from_vehicle())
            views.append(network.view(camera, network.send(station)))
        camera = network.camera(vehicle, vehicle.camera_from_vehicle())
        return network.detect(network.encode_vehicle(vehicle), camera, views)

    return detect


def used_stamp(status):
    """Return the stamp of the fused feature; None for a vehicle-only result."""
    if status.mode == FusionStatus.VEHICLE_ONLY:
        return None
    (station,) = status.stations
    return Time.from_msg(station.feature_stamp).nanoseconds


def test_a_replay_answers_as_the_network_does_offline(folder, bag, processes, answer, tmp_path):
    stamps = sorted(frame.image_stamp for frame in folder.vehicle_frames.values())
    result = replay(bag, processes, stamps, tmp_path / 'logs', speed=SLOW)
    assert result.statuses.keys() == result.detections.keys()
    pairs = {stamp: used_stamp(status) for stamp, status in result.statuses.items()}
    assert sum(station is not None for station in pairs.values()) >= len(stamps) // 2
    for stamp, station in pairs.items():
        found, expected = result.detections[stamp], answer(stamp, station)
        order, expected_order = np.argsort(-found.scores), np.argsort(-expected.scores)
        assert found.scores[order] == pytest.approx(expected.scores[expected_order], abs=1e-5)
        assert len(found.scores) > 0
        centres = found.boxes[order][:, :3]
        centres[:, 2] += found.boxes[order][:, 5] / 2
        distance = centres - expected.corners.mean(axis=1)[expected_order]
        assert np.linalg.norm(distance, axis=1).max() < MILLIMETRE


def test_a_data_sets_pairs_are_fused_and_no_others(folder, bag, processes, tmp_path):
    station, vehicle = processes
    parameters = {**vehicle.parameters, 'pairs_file': str(bag / PAIRS_FILE)}
    result = replay(
        bag,
        [station, replace(vehicle, parameters=parameters)],
        [pair.vehicle.image_stamp for pair in folder.pairs],
        tmp_path / 'logs',
        speed=SLOW,
    )
    partners = {pair.vehicle.image_stamp: pair.infrastructure.image_stamp for pair in folder.pairs}
    fused = {stamp: used_stamp(status) for stamp, status in result.statuses.items()}
    fused = {stamp: station for stamp, station in fused.items() if station is not None}
    assert len(fused) >= len(partners) // 2
    assert fused.items() <= partners.items()


def test_the_station_changes_the_answer(folder, answer):
    """The comparison could not fail if the roadside view left no trace."""
    stamp = min(frame.image_stamp for frame in folder.vehicle_frames.values())
    station = min(frame.image_stamp for frame in folder.infrastructure_frames.values())
    alone, together = answer(stamp, None), answer(stamp, station)
    assert len(alone.scores) != len(together.scores) or not np.allclose(
        alone.scores, together.scores, atol=1e-3
    )
