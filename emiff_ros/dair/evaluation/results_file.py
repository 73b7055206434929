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

"""Results on disk: one JSON a frame (the VIC3D challenge's format) or one JSON Lines file.

A frame is an object with ``boxes_3d`` [N][8][3] (metres, vehicle LiDAR, corners in the order of
``box_corners``), ``scores_3d`` [N], optionally ``labels_3d`` [N] (2 or ``car`` is a car, others
are not evaluated), ``ab_cost`` (bytes sent for the frame as AB counts them) and ``message_bytes``
(serialised length of the message that was sent). In a folder the file name is the
vehicle frame's id (``015404.json``); in a ``.jsonl`` file each line also has ``frame_id``.
"""

from collections.abc import Iterator, Mapping
import json
from pathlib import Path
from typing import Any

import numpy as np

from emiff_ros.dair.errors import MissingFileError, ResultsError
from emiff_ros.dair.evaluation.frame_result import as_corners
from emiff_ros.dair.evaluation.predictions import Prediction
from emiff_ros.dair.json_fields import load_json, number, require

_CAR_ID = 2
_CAR_LABELS = (_CAR_ID, str(_CAR_ID), 'car')
_REMEDY = 'write it with write_results or in the format of the VIC3D challenge'


def read_results(path: Path | str) -> dict[str, Prediction]:
    """Read predictions by vehicle frame id from a folder of JSON files or a JSON Lines file.

    Raises:
        MissingFileError: if the path does not exist or the folder has no JSON file.
        JsonError: if a file of a folder is no JSON object.
        ResultsError: if a line is no JSON object, a key is missing or boxes and scores do not fit.
    """
    path = Path(path)
    if not path.exists():
        raise MissingFileError(path, 'does not exist', 'give a results folder or .jsonl file')
    entries = _folder_entries(path) if path.is_dir() else _line_entries(path)
    predictions: dict[str, Prediction] = {}
    for where, frame_id, entry in entries:
        if frame_id in predictions:
            raise ResultsError(where, f'frame {frame_id} appears twice', 'keep one of them')
        predictions[frame_id] = _prediction(entry, where, frame_id)
    if not predictions:
        raise MissingFileError(path, 'holds no results', 'expected one JSON object for each frame')
    return predictions


def write_results(path: Path | str, predictions: Mapping[str, Prediction]) -> None:
    """Write predictions: to one JSON Lines file if the path ends in ``.jsonl``, else to a folder.

    Args:
        path: target; an existing file of the same name is replaced.
        predictions: by vehicle frame id.
    """
    path = Path(path)
    entries = {frame_id: _entry(prediction) for frame_id, prediction in predictions.items()}
    if path.suffix == '.jsonl':
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps({'frame_id': key, **entry}) for key, entry in entries.items()]
        path.write_text(''.join(f'{line}\n' for line in lines), encoding='utf-8')
        return
    path.mkdir(parents=True, exist_ok=True)
    for frame_id, entry in entries.items():
        (path / f'{frame_id}.json').write_text(json.dumps(entry), encoding='utf-8')


def _folder_entries(path: Path) -> Iterator[tuple[Path, str, Any]]:
    for file in sorted(path.glob('*.json')):
        yield file, file.stem, load_json(file, dict)


def _line_entries(path: Path) -> Iterator[tuple[Path, str, Any]]:
    with path.open('rb') as lines:
        for line_number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError) as error:
                what = f'line {line_number} is not valid JSON ({error})'
                raise ResultsError(path, what, _REMEDY) from error
            yield path, str(require(entry, 'frame_id', path, ResultsError)), entry


def _prediction(entry: Mapping[str, Any], path: Path, frame_id: str) -> Prediction:
    boxes = require(entry, 'boxes_3d', path, ResultsError)
    scores = require(entry, 'scores_3d', path, ResultsError)
    try:
        corners = as_corners(boxes, f'boxes_3d of frame {frame_id}')
        scores = np.asarray(scores, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError, OverflowError) as error:
        raise ResultsError(path, str(error), _REMEDY) from error
    labels = entry.get('labels_3d', [_CAR_ID] * len(corners))
    if not isinstance(labels, list):
        what = f'is {labels!r} for frame {frame_id}; expected a list'
        raise ResultsError(path, what, _REMEDY, 'labels_3d')
    if not len(labels) == len(scores) == len(corners):
        raise ResultsError(
            path,
            f'frame {frame_id} has {len(corners)} boxes, {len(scores)} scores and '
            f'{len(labels)} labels; expected one of each for every box',
            _REMEDY,
        )
    if not np.isfinite(scores).all():
        raise ResultsError(
            path, f'a score of frame {frame_id} is not finite', _REMEDY, 'scores_3d'
        )
    is_car = np.array([label in _CAR_LABELS for label in labels], dtype=bool)
    return Prediction(
        corners[is_car],
        scores[is_car],
        *(
            None if entry.get(key) is None else number(entry[key], path, key, ResultsError)
            for key in ('ab_cost', 'message_bytes')
        ),
    )


def _entry(prediction: Prediction) -> dict[str, Any]:
    entry: dict[str, Any] = {
        'boxes_3d': np.asarray(prediction.corners).tolist(),
        'labels_3d': [_CAR_ID] * len(prediction.scores),
        'scores_3d': np.asarray(prediction.scores).tolist(),
    }
    if prediction.transmitted_bytes is not None:
        entry['ab_cost'] = prediction.transmitted_bytes
    if prediction.message_bytes is not None:
        entry['message_bytes'] = prediction.message_bytes
    return entry
