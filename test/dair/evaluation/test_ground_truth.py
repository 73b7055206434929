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

"""Ground truth from pairs, joined with predictions by frame id."""

from dair.dair_folder import OBJECTS, write_dair_folder
import numpy as np
import pytest

from emiff_ros.dair.evaluation import Prediction, evaluate, frame_results, ground_truth_corners
from emiff_ros.dair.reader import DairFolder
from emiff_ros.geometry import box_corners

CARS = np.array([box for kind, box in OBJECTS[:4]])


@pytest.fixture
def pairs(tmp_path):
    return DairFolder(write_dair_folder(tmp_path)).pairs


def test_cars_of_every_kind_are_ground_truth(pairs):
    for protocol in ('opendairv2x', 'emiff_test'):
        corners = ground_truth_corners(pairs[1], protocol)
        assert np.allclose(corners, box_corners(CARS), atol=1e-6)


def test_pairs_without_a_prediction_count_as_missed(pairs):
    prediction = Prediction(box_corners(CARS), np.array([0.9, 0.8, 0.7, 0.6]))
    answered = {pair.vehicle.frame_id: prediction for pair in pairs[:2]}
    frames = frame_results(pairs, answered)
    assert [len(frame.scores) for frame in frames] == [4, 4, 0, 0]
    # 8 of 16 objects found without a false one; the first recall step is dropped.
    assert evaluate(frames).ap('bev', 0.7) == pytest.approx(100 * 7 / 16)


def test_unknown_protocol(pairs):
    with pytest.raises(ValueError, match="no protocol 'coco'"):
        frame_results(pairs, {}, 'coco')
