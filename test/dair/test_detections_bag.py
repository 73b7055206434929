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

"""Predictions from recorded Detection3DArray messages."""

from dair import detections_folder
from dair.dair_folder import OBJECTS, write_dair_folder
from dair.detections_folder import write_detections
import numpy as np
import pytest

from emiff_ros.bags.errors import BagError, MissingTopicsError
from emiff_ros.dair.bag_writer import write_bag
from emiff_ros.dair.detections_bag import read_detections
from emiff_ros.dair.reader import DairFolder
from emiff_ros.geometry import box_corners

STAMP = 1626240240000000000
BOXES = np.array([box for kind, box in OBJECTS[:3]])


def test_boxes_with_their_best_hypothesis(tmp_path):
    objects = [
        (BOXES[0], [('pedestrian', 0.1), ('car', 0.75)]),
        (BOXES[1], [('bus', 0.5)]),
        (BOXES[2], [('pedestrian', 0.9), ('car', 0.2)]),
        (BOXES[2], []),
    ]
    path = write_detections(tmp_path / 'bag', [(STAMP, objects), (STAMP + 1, [])])
    recorded = read_detections(path)
    assert list(recorded.by_stamp) == [STAMP, STAMP + 1] and recorded.repeated == 0
    prediction = recorded.by_stamp[STAMP]
    assert prediction.scores.tolist() == [0.75, 0.5]
    assert np.allclose(prediction.corners, box_corners(BOXES[:2]), atol=1e-9)
    assert recorded.by_stamp[STAMP + 1].corners.shape == (0, 8, 3)


def test_a_repeated_stamp_keeps_the_last_and_is_counted(tmp_path):
    frames = [(STAMP, [(BOXES[0], [('car', score)])]) for score in (0.25, 0.5)]
    recorded = read_detections(write_detections(tmp_path / 'bag', frames))
    assert recorded.repeated == 1
    assert recorded.by_stamp[STAMP].scores.tolist() == [0.5]


@pytest.mark.parametrize('number', [0.0, float('nan')])
def test_an_orientation_that_is_none_is_a_named_error(tmp_path, monkeypatch, number):
    monkeypatch.setattr(
        detections_folder, 'quaternion_from_rotation', lambda _: np.full(4, number)
    )
    path = write_detections(tmp_path / 'bag', [(STAMP, [(BOXES[0], [('car', 0.5)])])])
    with pytest.raises(BagError, match=r'bag: /vehicle/detections: \[.* is no quaternion'):
        read_detections(path)


@pytest.mark.parametrize(('x', 'score'), [(float('inf'), 0.5), (1.0, float('nan'))])
def test_numbers_that_are_not_finite_are_a_named_error(tmp_path, x, score):
    box = [x, *BOXES[0][1:]]
    path = write_detections(tmp_path / 'bag', [(STAMP, [(box, [('car', score)])])])
    with pytest.raises(BagError, match='/vehicle/detections: a box or score .* not finite'):
        read_detections(path)


def test_named_errors(tmp_path):
    path = write_detections(tmp_path / 'bag', [(STAMP, [])], topic='/other')
    with pytest.raises(MissingTopicsError, match=r'/vehicle/detections; it has /other'):
        read_detections(path)
    cut = write_detections(tmp_path / 'cut', [(STAMP, [])], damage=lambda data: data[:-3])
    with pytest.raises(BagError, match='Could not deserialize'):
        read_detections(cut)
    write_bag(DairFolder(write_dair_folder(tmp_path)), tmp_path / 'images')
    with pytest.raises(BagError, match='/tf is tf2_msgs/msg/TFMessage; expected vision_msgs'):
        read_detections(tmp_path / 'images', '/tf')
