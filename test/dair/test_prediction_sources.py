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

"""Predictions from results files and bags, assigned to vehicle frames."""

from dair.dair_folder import OBJECTS, write_dair_folder
from dair.detections_folder import write_detections
import numpy as np
import pytest

from emiff_ros.bags.errors import MissingTopicsError
from emiff_ros.dair.bag_writer import write_bag
from emiff_ros.dair.errors import ResultsError
from emiff_ros.dair.evaluation import Prediction, write_results
from emiff_ros.dair.prediction_sources import load_predictions
from emiff_ros.dair.reader import DairFolder

BOX = np.array(OBJECTS[0][1])


@pytest.fixture
def folder(tmp_path):
    return DairFolder(write_dair_folder(tmp_path))


def test_results_by_frame_id(tmp_path, folder):
    write_results(tmp_path / 'r.jsonl', {'001001': Prediction.empty(), '9': Prediction.empty()})
    loaded = load_predictions(tmp_path / 'r.jsonl', folder)
    assert list(loaded.by_frame) == ['001001'] and loaded.unknown == 1
    assert loaded.feature_sizes is None


@pytest.mark.parametrize('single_file', [False, True])
def test_bag_by_the_exact_stamp(tmp_path, folder, single_file):
    stamps = [frame.image_stamp for frame in folder.vehicle_frames.values()]
    objects = [(BOX, [('car', 0.5)])]
    bag = write_detections(
        tmp_path / 'bag', [(stamps[0], objects), (stamps[2] + 1, objects), (stamps[0], objects)]
    )
    loaded = load_predictions(bag / 'bag.mcap' if single_file else bag, folder)
    assert list(loaded.by_frame) == ['001000']
    assert (loaded.unknown, loaded.repeated) == (1, 1)
    assert loaded.by_frame['001000'].scores.tolist() == [0.5]


def test_results_of_another_folder_are_refused(tmp_path, folder):
    write_results(tmp_path / 'results', {'123456': Prediction.empty()})
    with pytest.raises(ResultsError, match=r'none of its 1 frames \(such as 123456\)'):
        load_predictions(tmp_path / 'results', folder)


def test_bag_without_detections(tmp_path, folder):
    write_bag(folder, tmp_path / 'bag')
    with pytest.raises(MissingTopicsError, match='/vehicle/detections'):
        load_predictions(tmp_path / 'bag', folder)
