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

"""Answers of one method on disk, frame by frame: an interrupted comparison goes on where it was.

The file is a results file (JSON Lines) that ``evaluate`` reads as well.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
import hashlib
import json
from pathlib import Path

import numpy as np

from emiff_ros.comparison.methods import Answer, Runner
from emiff_ros.dair.evaluation import Prediction
from emiff_ros.dair.frames import CooperativePair


def answers_file(
    folder: Path, runner: Runner, pairs: Sequence[CooperativePair], detail: str = ''
) -> Path:
    """Return where a method's answers belong: other networks or data sets never use them.

    Args:
        folder: of all answers.
        runner: of the method.
        pairs: of one data set, which counts by the path of its folder, not by its contents.
        detail: what else decides the answers.
    """
    letters = (one if one.isalnum() or one in '-_' else '_' for one in runner.method.name)
    images = pairs[0].vehicle.image_path.parent.resolve()
    data = hashlib.sha256(str(images).encode()).hexdigest()[:8]
    parts = ''.join(letters), runner.identity, data, detail
    return folder / f'{"-".join(filter(None, parts))}.jsonl'


class AnswerStore:
    """Answers by frame id.

    Args:
        path: ``.jsonl`` file; made when the first answer is added.
    """

    def __init__(self, path: Path) -> None:
        """Read what is there; a line that is no answer, as after a kill, is dropped."""
        self.path = path
        self.answers: dict[str, Answer] = {}
        if not path.is_file():
            return
        whole = []
        for line in path.read_bytes().splitlines():
            try:
                frame_id, answer = _answer(json.loads(line))
            except (ValueError, TypeError, KeyError, RecursionError):
                continue
            whole.append(line)
            self.answers[frame_id] = answer
        partial = path.with_suffix('.part')
        partial.write_bytes(b''.join(line + b'\n' for line in whole))
        partial.replace(path)

    @contextmanager
    def adding(self) -> Iterator['AnswerStore']:
        """Open the file for :meth:`add`."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open('a', encoding='utf-8') as self._file:
            yield self

    def add(self, frame_id: str, answer: Answer) -> None:
        """Append one answer; it is on disk when this returns."""
        self.answers[frame_id] = answer
        self._file.write(json.dumps(_entry(frame_id, answer)) + '\n')
        self._file.flush()


def _entry(frame_id: str, answer: Answer) -> dict[str, object]:
    prediction = answer.prediction
    return {
        'frame_id': frame_id,
        'boxes_3d': prediction.corners.tolist(),
        'scores_3d': prediction.scores.tolist(),
        'ab_cost': prediction.transmitted_bytes,
        'message_bytes': prediction.message_bytes,
        'milliseconds': answer.milliseconds,
    }


def _answer(entry: dict) -> tuple[str, Answer]:
    """Return a line's frame id and answer; for another line ValueError, TypeError or KeyError."""
    corners = np.array(entry['boxes_3d'], np.float64).reshape(-1, 8, 3)
    scores = np.array(entry['scores_3d'], np.float64)
    prediction = Prediction(corners, scores, entry['ab_cost'], entry['message_bytes'])
    return entry['frame_id'], Answer(prediction, entry['milliseconds'])
