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

"""The numbers of a demo from made-up replays."""

import json

from dair.dair_folder import write_dair_folder
import pytest

from emiff_ros.dair.reader import DairFolder
from emiff_ros.demo.metrics import DriveResult, demo_metrics
from emiff_ros.demo.replay import ReplayResult


@pytest.fixture
def unanswered():
    """Return a replay in which nothing arrived."""
    return ReplayResult({}, {}, {}, {}, {}, rate=0.0, speed=1.0)


def test_metrics_without_objects_are_valid_json(tmp_path, unanswered):
    root = write_dair_folder(tmp_path)
    for path in (root / 'cooperative' / 'label_world').glob('*.json'):
        path.write_text('[]')
    metrics = demo_metrics([DriveResult(DairFolder(root).pairs, unanswered, unanswered)], None)
    json.dumps(metrics, allow_nan=False)
    none = {'ap_bev_50': None, 'ap_bev_30': None, 'ap_3d_50': None}
    assert metrics['cooperative'] == metrics['vehicle_only'] == none


def test_the_headlines_are_those_of_the_whole_range(tmp_path, unanswered):
    pairs = DairFolder(write_dair_folder(tmp_path)).pairs
    metrics = demo_metrics([DriveResult(pairs, unanswered, unanswered)], None)
    overall = metrics['ranges']['cooperative']['overall']
    assert overall['ground_truth'] > 0
    assert metrics['cooperative'].items() <= overall.items()
    assert set(metrics['cooperative']) == {'ap_bev_50', 'ap_bev_30', 'ap_3d_50'}
