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

"""The own vehicle's footprint."""

from nodes.world import wait_for
import numpy as np
import pytest
from rcl_interfaces.srv import SetParameters
from rclpy.parameter import Parameter

from emiff_ros.nodes.ego_filter import EgoFootprint
from emiff_ros.nodes.specifications import VEHICLE

DEFAULTS = {parameter.name: parameter.default for parameter in VEHICLE}


def box(x, y, z=-1.8):
    return [x, y, z, 4.4, 1.8, 1.5, 0.3]


def test_the_filter_is_on_and_its_default_is_a_car():
    assert DEFAULTS['filter_ego'] is True
    footprint = EgoFootprint.from_values(DEFAULTS['ego_footprint'])
    boxes = np.array([box(0.4, -0.3), box(0, 0, z=3.0), box(6.0, 0.0), box(0.0, 3.2)])
    assert footprint.contains(boxes).tolist() == [True, True, False, False]


def test_the_edge_belongs_to_the_vehicle_and_each_side_counts():
    footprint = EgoFootprint.from_values([-1, 3, -0.9, 1.1])
    inside = np.array([box(-1, 0), box(3, 0), box(0, -0.9), box(0, 1.1)])
    outside = np.array([box(-1.1, 0), box(3.1, 0), box(0, -1.0), box(0, 1.2)])
    assert footprint.contains(inside).all()
    assert not footprint.contains(outside).any()


def test_no_boxes():
    footprint = EgoFootprint.from_values([-1, 1, -1, 1])
    assert footprint.contains(np.empty((0, 7))).shape == (0,)


@pytest.mark.parametrize(
    'values', [[], [0, 1, 0], [1, 0, -1, 1], [-1, 1, 1, 1], [-1, 1, -1, float('nan')]]
)
def test_other_values_are_refused(values):
    with pytest.raises(ValueError, match='ego_footprint is .*; expected finite metres'):
        EgoFootprint.from_values(values)


def test_the_node_leaves_them_out_until_told_otherwise(world, start):
    everywhere = [-1000.0, 1000.0, -1000.0, 1000.0]
    node = start('vehicle', ego_footprint=everywhere, score_threshold=0.0)
    stamp = world.publish_vehicle()
    world.result(stamp)
    assert len(world.listener.detections[stamp].boxes) == 0

    name = node.description.fully_qualified_name
    client = world.node.create_client(SetParameters, f'{name}/set_parameters')
    assert client.wait_for_service(20.0)
    off = Parameter('filter_ego', value=False).to_parameter_msg()
    answer = client.call_async(SetParameters.Request(parameters=[off]))
    wait_for(answer.done, 20.0)
    assert answer.result().results[0].successful
    stamp = world.publish_vehicle()
    world.result(stamp)
    assert len(world.listener.detections[stamp].boxes) > 0
