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

"""Results files: round trip in both forms, and named refusals."""

import json

import numpy as np
import pytest

from emiff_ros.dair.errors import JsonError, MissingFileError, ResultsError
from emiff_ros.dair.evaluation import Prediction, read_results, write_results
from emiff_ros.geometry import box_corners

CORNERS = box_corners([[10, 0, -1, 4, 2, 1.5, 0.3], [20, 5, -1, 4, 2, 1.5, 1.3]])


def entry_with(key, value):
    """Return the line of a frame without boxes in which one key has another value."""
    fields = {'frame_id': '"2"', 'boxes_3d': '[]', 'scores_3d': '[]', key: value}
    return '{' + ', '.join(f'"{name}": {text}' for name, text in fields.items()) + '}'


@pytest.mark.parametrize('name', ['results.jsonl', 'results'])
def test_round_trip(tmp_path, name):
    written = {
        '000001': Prediction(CORNERS, np.array([0.9, 0.25]), 32640.0),
        '000002': Prediction.empty(),
    }
    write_results(tmp_path / name, written)
    read = read_results(tmp_path / name)
    assert list(read) == ['000001', '000002']
    assert np.array_equal(read['000001'].corners, CORNERS)
    assert read['000001'].scores.tolist() == [0.9, 0.25]
    assert read['000001'].transmitted_bytes == 32640.0
    assert read['000002'].corners.shape == (0, 8, 3)
    assert read['000002'].transmitted_bytes is None


def test_only_cars_are_evaluated(tmp_path):
    entry = {'boxes_3d': CORNERS.tolist(), 'scores_3d': [0.9, 0.8]}
    for labels in ([1, 2], ['pedestrian', 'car']):
        path = tmp_path / '000001.json'
        path.write_text(json.dumps({**entry, 'labels_3d': labels}))
        assert read_results(tmp_path)['000001'].scores.tolist() == [0.8]


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('{"frame_id": ', 'line 2 is not valid JSON'),
        ('{"boxes_3d": []}', "key 'frame_id': is missing"),
        ('5', 'found 5 where an object'),
        ('{"frame_id": "2", "scores_3d": []}', "key 'boxes_3d': is missing"),
        ('{"frame_id": "2", "boxes_3d": [[1, 2]], "scores_3d": [1]}', r'shape \(1, 2\)'),
        ('{"frame_id": "2", "boxes_3d": [[1], [1, 2]], "scores_3d": [1]}', 'inhomogeneous'),
        ('{"frame_id": "2", "boxes_3d": [], "scores_3d": [1]}', '0 boxes, 1 scores and 0 labels'),
        ('{"frame_id": "1", "boxes_3d": [], "scores_3d": []}', 'frame 1 appears twice'),
        ('9' * 5000, 'line 2 is not valid JSON'),
        ('[' * 100_000, 'line 2 is not valid JSON'),
        (entry_with('labels_3d', 'null'), "key 'labels_3d': is None for frame 2; expected a list"),
        (entry_with('labels_3d', '5'), "key 'labels_3d': is 5 for frame 2; expected a list"),
        (entry_with('scores_3d', f'[{"9" * 400}]'), 'too large'),
        (entry_with('boxes_3d', f'[{"9" * 400}]'), 'too large'),
        (entry_with('ab_cost', '9' * 400), "key 'ab_cost': is 9.*; expected a finite number"),
    ],
)
def test_refused_lines(tmp_path, line, message):
    path = tmp_path / 'results.jsonl'
    path.write_text('{"frame_id": "1", "boxes_3d": [], "scores_3d": []}\n' + line + '\n')
    with pytest.raises(ResultsError, match=message) as caught:
        read_results(path)
    assert 'results.jsonl' in str(caught.value)


def test_lines_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / 'results.jsonl'
    path.write_bytes(b'\n{"frame_id": "\xff"}\n')
    with pytest.raises(ResultsError, match=r'results\.jsonl: line 2 is not valid JSON .*utf-8'):
        read_results(path)


def test_scores_must_be_finite(tmp_path):
    entry = {'boxes_3d': CORNERS[:1].tolist(), 'scores_3d': [float('nan')]}
    (tmp_path / '1.json').write_text(json.dumps(entry))
    with pytest.raises(ResultsError, match='score of frame 1 is not finite'):
        read_results(tmp_path)


def test_nothing_to_read(tmp_path):
    with pytest.raises(MissingFileError, match='does not exist'):
        read_results(tmp_path / 'none')
    with pytest.raises(MissingFileError, match='holds no results'):
        read_results(tmp_path)
    (tmp_path / '1.json').write_text('[]')
    with pytest.raises(JsonError, match='holds a list; expected a dict'):
        read_results(tmp_path)
