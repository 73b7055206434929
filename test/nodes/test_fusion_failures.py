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

"""Features that make the network fail cost neither the result nor the features that do not."""

from functools import partial

from matching.station_feed import Header
from nodes.world import save_tiny_model
import numpy as np
import pytest
import torch

from emiff_ros.acceleration import AccelerationConfig
from emiff_ros.acceleration.network import UnusableBoxesError
from emiff_ros.model import Camera
from emiff_ros.model.weights import load_vehicle_model
from emiff_ros.nodes.received_feature import ReceivedFeature
from emiff_ros.nodes.vehicle_network import VehicleNetwork
from emiff_ros.nodes.vehicle_node import VehicleNode

CAMERA = Camera(np.diag([80.0, 80.0, 1.0]), np.eye(4)[[1, 2, 0]], (96, 160))


class Vehicle:
    """A node whose network is a function of the names of the stations that are fused."""

    def __init__(self, node, monkeypatch, answer):
        self.node = node
        self.warnings = []
        monkeypatch.setattr(node.get_logger(), 'warning', self.warnings.append)
        monkeypatch.setattr(node, '_fuse', lambda _map, _camera, seen: answer(names_of(seen)))

    def detect(self, *stations):
        """Take a feature of each station in and detect; return names fused and matches."""
        stamp = self.node.get_clock().now().nanoseconds
        for name in stations:
            header = Header(stamp, station_id=name)
            payload = ReceivedFeature(header, np.zeros(0, np.float32), 0)
            self.node._matcher.add(header, payload, stamp)
        matches = self.node._matcher.match(stamp, stamp)
        self.before = dict(matches)
        seen = [(match.feature.payload, CAMERA) for match in matches.values()]
        fused, _, left = self.node._detect(None, CAMERA, matches, seen)
        assert matches == self.before
        return fused, left


def names_of(seen):
    return [feature.header.station_id for feature, _ in seen]


@pytest.fixture
def vehicle(in_process, monkeypatch):
    return partial(Vehicle, in_process(VehicleNode), monkeypatch)


def test_a_feature_that_fails_by_itself_is_refused_alone(vehicle):
    def answer(names):
        if 'bad' in names:
            raise ValueError('no')
        return names, None

    vehicle = vehicle(answer)
    fused, matches = vehicle.detect('good', 'bad', 'better')
    assert fused == ['good', 'better']
    assert matches['bad'].reason == 'ValueError: no'
    assert [matches[name].feature for name in fused] == [
        vehicle.before[name].feature for name in fused
    ]
    counters = vehicle.node._matcher.counters()
    assert counters['bad'].refused_by_cause == {'fusion_failed': 1}
    assert [counters[name].fused for name in ('good', 'bad', 'better')] == [1, 0, 1]
    assert vehicle.warnings == [
        "feature refused: that of 'bad': ValueError: no [fusion_failed]",
    ]


def test_features_that_fail_only_together_leave_the_vehicle_its_own_result(vehicle):
    def answer(names):
        if len(names) > 1:
            raise RuntimeError('out of memory')
        return names, None

    fused, matches = vehicle(answer).detect('north', 'south')
    assert fused == []
    assert {match.reason for match in matches.values()} == {'RuntimeError: out of memory'}


def test_a_failure_of_the_vehicles_own_image_is_not_hidden(vehicle):
    def answer(names):
        raise RuntimeError('broken')

    with pytest.raises(RuntimeError, match='broken'):
        vehicle(answer).detect('north')


@pytest.mark.parametrize('size', [float('inf'), float('nan'), -120.0])
def test_boxes_that_are_none_are_refused(tmp_path, size):
    loaded = load_vehicle_model(save_tiny_model(tmp_path / 'tiny.safetensors'))
    with torch.no_grad():
        loaded.model.head.regress.bias[3::7] = size  # the logarithm of a box's size
    network = VehicleNetwork(loaded, torch.device('cpu'), AccelerationConfig.plain())
    image = network.encode(np.zeros((*network.image_size, 3), np.uint8))
    with pytest.raises(UnusableBoxesError, match='not finite|a box measures 0 m'):
        network.detect(image, CAMERA, [], 0.0)
