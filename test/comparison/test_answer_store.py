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

"""Where answers lie, and what of a file is read again."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from emiff_ros.comparison.answer_store import AnswerStore, answers_file
from emiff_ros.comparison.methods import Answer
from emiff_ros.dair.evaluation import Prediction
from emiff_ros.geometry import box_corners


def named(method='both sides', identity='0123', root='/data/one', detail=''):
    runner = SimpleNamespace(method=SimpleNamespace(name=method), identity=identity)
    frame = SimpleNamespace(image_path=Path(root) / 'vehicle-side' / 'image' / '000000.jpg')
    return answers_file(Path('answers'), runner, [SimpleNamespace(vehicle=frame)], detail)


def test_whatever_decides_the_answers_names_the_file():
    files = [
        named(),
        named(method='pole'),
        named(identity='4567'),
        named(root='/data/two'),
        named(detail='heading_1'),
    ]
    assert len(set(files)) == len(files)
    assert named() == files[0]
    assert files[0].name.startswith('both_sides-0123-')


@pytest.mark.parametrize(
    'line', [b'{"frame_id": "2", "box', b'5', b'{}', b'{"frame_id": "2"}', b'\xff', b'[' * 100_000]
)
def test_a_line_that_is_no_answer_is_dropped_and_the_others_stay(tmp_path, line):
    corners = box_corners([[10, 0, -1, 4, 2, 1.5, 0.3]])
    answer = Answer(Prediction(corners, np.array([0.5]), 72.0, 300.0), 12.5)
    path = tmp_path / 'answers.jsonl'
    with AnswerStore(path).adding() as store:
        store.add('1', answer)
    whole = path.read_bytes()
    path.write_bytes(line + b'\n' + whole + line)
    (found,) = AnswerStore(path).answers.items()
    assert found[0] == '1' and found[1].milliseconds == 12.5
    assert np.array_equal(found[1].prediction.corners, corners)
    assert path.read_bytes() == whole
