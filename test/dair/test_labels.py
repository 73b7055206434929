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

"""Labels: corner order, heading, class merging and what is refused."""

from dair.dair_folder import to_label_order, write_json
import numpy as np
import pytest

from emiff_ros.dair.errors import LabelError
from emiff_ros.dair.labels import (
    boxes_in_vehicle,
    category_of,
    read_sensor_labels,
    read_world_labels,
    to_box_order,
)
from emiff_ros.geometry import box_corners, invert_affine, transform_points

BOX = np.array([10.0, -4.0, -1.5, 4.6, 1.8, 1.5, 0.7])


def world_entry(box=BOX, **changes):
    corners = to_label_order(box_corners(box[None]))[0]
    entry = {
        'type': 'van',
        '3d_dimensions': {'l': box[3], 'w': box[4], 'h': box[5]},
        '3d_location': dict(zip('xyz', corners.mean(axis=0).tolist(), strict=True)),
        'world_8_points': corners.tolist(),
    }
    entry.update(changes)
    return {key: value for key, value in entry.items() if value is not None}


def read(tmp_path, *entries):
    write_json(tmp_path / 'label.json', list(entries))
    return read_world_labels(tmp_path / 'label.json')


def test_label_corners_start_at_the_front_left_and_run_clockwise():
    corners = to_label_order(box_corners([[0, 0, 0, 4, 2, 1, 0]]))[0]
    assert corners[0].tolist() == [2, 1, 0]
    assert corners[1].tolist() == [2, -1, 0]
    assert corners[2].tolist() == [-2, -1, 0]
    assert corners[7].tolist() == [-2, 1, 1]


def test_corner_orders_are_inverse():
    corners = np.random.default_rng(1).normal(size=(3, 8, 3))
    assert np.array_equal(to_box_order(to_label_order(corners)), corners)
    with pytest.raises(ValueError, match=r'\(3, 4, 3\)'):
        to_box_order(corners[:, :4])


@pytest.mark.parametrize('yaw', np.linspace(-np.pi, np.pi, 9)[:-1])
def test_heading_covers_the_full_circle(tmp_path, yaw):
    box = BOX.copy()
    box[6] = yaw
    labels = read(tmp_path, world_entry(box))
    boxes, corners = boxes_in_vehicle(labels, np.eye(4))
    assert np.allclose(boxes[0], box, atol=1e-9)
    assert np.allclose(corners, box_corners(boxes), atol=1e-9)


def test_leaning_boxes_stay_upright_around_the_same_centre(tmp_path):
    roll = 0.03
    map_from_vehicle = np.array(
        [
            [1, 0, 0, 100.0],
            [0, np.cos(roll), -np.sin(roll), 50.0],
            [0, np.sin(roll), np.cos(roll), 20.0],
        ]
    )
    entry = world_entry()
    corners = transform_points(map_from_vehicle, np.array(entry['world_8_points']))
    upright_in_map = world_entry(world_8_points=corners.tolist())
    labels = read(tmp_path, upright_in_map)
    boxes, _ = boxes_in_vehicle(labels, invert_affine(map_from_vehicle))
    assert np.allclose(boxes[0], BOX, atol=1e-9)
    flat = boxes_in_vehicle(read(tmp_path, world_entry()), map_from_vehicle)
    assert np.allclose(box_corners(flat[0]).mean(axis=1), flat[1].mean(axis=1))
    assert np.abs(box_corners(flat[0]) - flat[1]).max() > 0.01


def test_class_merging():
    assert {category_of(name) for name in ('Car', 'van', 'TRUCK', 'bus')} == {'car'}
    assert category_of('Trafficcone') == 'trafficcone'


def test_zero_sized_boxes_are_dropped(tmp_path):
    flat = world_entry()
    flat['3d_dimensions'] = {'l': '4.6', 'w': 0, 'h': 1.5}
    assert len(read(tmp_path, flat, world_entry())) == 1
    boxes, corners = boxes_in_vehicle([], np.eye(4))
    assert boxes.shape == (0, 7) and corners.shape == (0, 8, 3)


def test_optional_fields(tmp_path):
    plain, rich = read(
        tmp_path,
        world_entry(),
        world_entry(
            occluded_state='2',
            truncated_state=1,
            rotation='0.5',
            vehicle_visible_fraction=0.25,
            infrastructure_visible_fraction=1,
            **{'2d_box': {'xmin': '1', 'ymin': 2, 'xmax': 3.5, 'ymax': 4}},
        ),
    )
    assert plain.occluded_state is None and plain.box_2d is None and plain.rotation is None
    assert plain.vehicle_visible_fraction is None
    assert (rich.occluded_state, rich.truncated_state, rich.rotation) == (2, 1, 0.5)
    assert rich.box_2d == (1.0, 2.0, 3.5, 4.0)
    assert (rich.vehicle_visible_fraction, rich.infrastructure_visible_fraction) == (0.25, 1.0)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'world_8_points': None}, "'world_8_points': is missing"),
        ({'world_8_points': [[0, 0, 0]] * 7}, r"'\[0\].world_8_points'.*expected 24 numbers"),
        ({'type': None}, "'type': is missing"),
        ({'3d_dimensions': {'l': 1, 'w': 'wide', 'h': 1}}, "'wide'; expected a finite number"),
        ({'3d_dimensions': {'l': -1, 'w': 1, 'h': 1}}, 'no negative number'),
        ({'3d_location': {'x': 1, 'y': 2}}, "'z': is missing"),
        ({'vehicle_visible_fraction': 1.5}, 'expected 0 to 1'),
        ({'2d_box': {'xmin': 1}}, "'ymin': is missing"),
    ],
)
def test_refusals_name_file_and_key(tmp_path, changes, message):
    with pytest.raises(LabelError, match=r'label\.json: key .*') as caught:
        read(tmp_path, world_entry(**changes))
    assert caught.match(message)


def test_entry_that_is_no_object(tmp_path):
    with pytest.raises(LabelError, match='found 5 where an object was expected'):
        read(tmp_path, 5)


def test_sensor_label_location_is_the_centre(tmp_path):
    entry = {
        'type': 'Car',
        '3d_dimensions': {'l': '4', 'w': '2', 'h': '1.5'},
        '3d_location': {'x': '1', 'y': '2', 'z': '-1'},
        'rotation': 4.0,
    }
    write_json(tmp_path / 'label.json', [entry])
    (label,) = read_sensor_labels(tmp_path / 'label.json')
    assert np.allclose(label.box, [1, 2, -1.75, 4, 2, 1.5, 4.0 - 2 * np.pi])
    assert label.corners.shape == (8, 3)
    assert label.category == 'car'
