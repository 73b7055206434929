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

"""The verb evaluate, on a file, a folder and a bag."""

import json

from dair.dair_folder import OBJECTS, write_dair_folder
from dair.detections_folder import write_detections
import numpy as np
import pytest

from emiff_ros.cli import main
from emiff_ros.dair.evaluation import Prediction, write_results
from emiff_ros.dair.reader import DairFolder
from emiff_ros.geometry import box_corners

CARS = np.array([box for kind, box in OBJECTS[:4]])
SCORES = [0.9, 0.8, 0.7, 0.6]


@pytest.fixture
def root(tmp_path):
    return write_dair_folder(tmp_path)


def write_source(kind, path, root):
    """Write perfect detections of every frame but the last, 72 bytes sent for each box."""
    folder = DairFolder(root)
    frames = list(folder.vehicle_frames.values())[:-1]
    if kind == 'bag':
        objects = [(box, [('car', score)]) for box, score in zip(CARS, SCORES, strict=True)]
        return write_detections(path, [(frame.image_stamp, objects) for frame in frames])
    prediction = Prediction(box_corners(CARS), np.array(SCORES), 4 * 72)
    target = path.with_suffix('.jsonl') if kind == 'file' else path
    write_results(target, {frame.frame_id: prediction for frame in frames})
    return target


@pytest.mark.parametrize('kind', ['file', 'folder', 'bag'])
def test_perfect_detections_of_three_frames_in_four(tmp_path, root, kind, capsys):
    source = write_source(kind, tmp_path / 'detections', root)
    output = tmp_path / 'ap.json'
    arguments = ['evaluate', str(root), str(source), '-o', str(output)]
    assert main([*arguments, '--protocol', 'opendairv2x', 'emiff_test']) == 0
    printed = capsys.readouterr().out
    assert '4 frames, 3 of them with a result' in printed
    assert 'Protocol opendairv2x, 4 frames' in printed and 'Protocol emiff_test' in printed
    summary = json.loads(output.read_text())
    overall = summary['protocols']['opendairv2x']['ranges']['overall']
    assert overall['ground_truth'] == 16
    assert overall['ap_3d_70'] == pytest.approx(100 * 11 / 16)
    assert summary['ab_bytes'] == (None if kind == 'bag' else 288)
    assert ('AB as the results state it: 288.0' in printed) == (kind != 'bag')


def test_a_split(tmp_path, root, capsys):
    source = write_source('file', tmp_path / 'detections', root)
    assert main(['evaluate', str(root), str(source), '--split', 'val']) == 0
    assert '1 frames, 0 of them with a result' in capsys.readouterr().out
    assert main(['evaluate', str(root), str(source), '--split', 'train']) == 0
    assert '3 frames, 3 of them with a result' in capsys.readouterr().out


def test_errors_are_one_sentence(tmp_path, root, capsys):
    assert main(['evaluate', str(root), str(tmp_path / 'none.jsonl')]) == 1
    assert 'none.jsonl: does not exist' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(['evaluate', str(root), str(tmp_path), '--protocol', 'kitti'])
