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

"""AP under each protocol: golden values, a worked case and the limiting detectors."""

from pathlib import Path
import time

import numpy as np
import pytest

from emiff_ros.dair.evaluation import RANGES, FrameResult, evaluate
from emiff_ros.geometry import box_corners

GOLDEN = Path(__file__).parents[2] / 'data' / 'golden' / 'golden_eval.npz'
VIEWS = ('3d', 'bev')
THRESHOLDS = (0.3, 0.5, 0.7)


def boxes_at(*positions, z=-1.8, yaw=0.3):
    return np.array([[x, y, z, 4.0, 2.0, 1.5, yaw] for x, y in positions])


def frame(objects, predictions, scores):
    return FrameResult(box_corners(objects), box_corners(predictions), np.array(scores, float))


def random_boxes(generator, count):
    low = [0, -39, -2, 3, 1.5, 1.4, -np.pi]
    high = [100, 39, -1, 6, 2.2, 2, np.pi]
    return generator.uniform(low, high, (count, 7))


@pytest.fixture(scope='module')
def golden():
    with np.load(GOLDEN) as values:
        return dict(values)


@pytest.mark.parametrize(
    ('protocol', 'path'), [('emiff_test', 'filtered'), ('emiff_val', 'unfiltered')]
)
def test_golden_values_of_both_emiff_paths(golden, protocol, path):
    frames = [
        frame(golden[f'f{index}/gt'], golden[f'f{index}/pred'], golden[f'f{index}/score'])
        for index in range(8)
    ]
    result = evaluate(frames, protocol)
    for view in VIEWS:
        for threshold in THRESHOLDS:
            expected = float(golden[f'ap_{path}/{view}/{threshold}'])
            assert result.ap(view, threshold) == pytest.approx(expected, abs=1e-6)


def test_worked_case_of_opendairv2x():
    """Two frames, worked by hand (AP-BEV at IoU 0.5, all boxes 4 x 2 m along x).

    Frame 1 has objects A (20, 0) and B (40, 0). Predictions: a shifted by 1 m along A (IoU 3/5),
    score 0.9; b on B, score 0.8; c far from everything, score 0.7.
    Frame 2 has object C (60, 0) and a second one, D, wholly behind the vehicle, which does not
    count. Predictions: d on C, score 0.6; e on C too, score 0.95. C takes the higher IoU; both are
    exactly on it, so the lower-scored d is the true positive and e a false one.
    Sorted: e F, a T, b T, c F, d T. Precision 0, 1/2, 2/3, 2/4, 3/5; non-increasing from the right
    2/3, 2/3, 2/3, 3/5, 3/5. Recall 0, 1/3, 2/3, 2/3, 1 of three objects.
    AP = (2/3 + 2/3 + 3/5) / 3.
    """
    first = frame(
        boxes_at((20, 0), (40, 0), yaw=0.0),
        boxes_at((21, 0), (40, 0), (70, 30), yaw=0.0),
        [0.9, 0.8, 0.7],
    )
    second = frame(
        boxes_at((60, 0), (-10, 0), yaw=0.0), boxes_at((60, 0), (60, 0), yaw=0.0), [0.6, 0.95]
    )
    result = evaluate([first, second], 'opendairv2x')
    assert result.ranges['overall'].ground_truth == 3
    assert result.ranges['overall'].predictions == 5
    assert result.ap('bev', 0.5) == pytest.approx(100 * (2 / 3 + 2 / 3 + 3 / 5) / 3)
    # At 0.7 the shifted box a misses: e F, a F, b T, c F, d T -> (2/5 + 2/5) / 3.
    assert result.ap('bev', 0.7) == pytest.approx(100 * (2 / 5 + 2 / 5) / 3)
    # 0-30 m holds A and a alone; the first recall step is never counted.
    assert result.ap('bev', 0.5, '0-30') == 0.0
    assert result.ranges['0-30'].ground_truth == 1


def test_a_box_across_a_border_counts_on_both_sides():
    objects = boxes_at((30, 0), (10, 0))
    result = evaluate([frame(objects, objects, [0.9, 0.8])], 'opendairv2x')
    assert result.ranges['0-30'].ground_truth == 2
    assert result.ranges['30-50'].ground_truth == 1
    centred = evaluate([frame(objects, objects, [0.9, 0.8])], 'emiff_test')
    assert centred.ranges['0-30'].ground_truth == 1
    assert centred.ranges['30-50'].ground_truth == 0
    assert centred.ranges['30-50'].predictions == 1


@pytest.mark.parametrize(
    ('position', 'z', 'opendairv2x', 'emiff'),
    [
        ((50, 0), -1.8, 1, 1),
        ((-1.0, 0), -1.8, 1, 0),
        ((50, 40.5), -1.8, 1, 0),
        ((50, 39.9), -1.8, 1, 1),
        ((50, 0), 1.2, 0, 1),
        ((50, 0), -4.4, 1, 1),
        ((50, 0), -4.6, 0, 1),
        ((103, 0), -1.8, 0, 0),
    ],
)
def test_which_ground_truth_counts(position, z, opendairv2x, emiff):
    objects = boxes_at(position, z=z, yaw=0.0)
    nothing = np.zeros((0, 7))
    for protocol, expected in (('opendairv2x', opendairv2x), ('emiff_test', emiff)):
        result = evaluate([frame(objects, nothing, [])], protocol)
        assert result.ranges['overall'].ground_truth == expected


@pytest.mark.parametrize('protocol', ['opendairv2x', 'emiff_test', 'emiff_val'])
def test_perfect_empty_and_shifted_detectors(protocol):
    generator = np.random.default_rng(5)
    objects = [
        np.array(
            [
                [8.0 + 12 * column, -20.0 + 20 * row, -1.8, 4.4, 1.9, 1.6, 0.4 * row]
                for column in range(7)
                for row in range(3)
            ]
        )
        for _ in range(4)
    ]
    count = sum(len(boxes) for boxes in objects)
    scores = [generator.uniform(0.2, 1, len(boxes)) for boxes in objects]
    shifted = [boxes + [0, 10, 0, 0, 0, 0, 0] for boxes in objects]
    none = np.zeros((0, 7))
    perfect = evaluate([frame(b, b, s) for b, s in zip(objects, scores, strict=True)], protocol)
    empty = evaluate([frame(boxes, none, []) for boxes in objects], protocol)
    moved = evaluate(
        [frame(b, m, s) for b, m, s in zip(objects, shifted, scores, strict=True)], protocol
    )
    for view in VIEWS:
        for threshold in THRESHOLDS:
            assert perfect.ap(view, threshold) == pytest.approx(100 * (count - 1) / count)
            assert empty.ap(view, threshold) == 0
            assert moved.ap(view, threshold) == 0


def test_dummy_box_belongs_to_emiff_test_alone():
    generator = np.random.default_rng(2)
    objects = random_boxes(generator, 6)
    frames = [
        frame(objects, objects, np.linspace(0.9, 0.4, 6)),
        frame(objects, np.zeros((0, 7)), []),
    ]
    counted = {
        name: evaluate(frames, name).ranges['overall'].predictions
        for name in ('opendairv2x', 'emiff_test', 'emiff_val')
    }
    assert counted == {'opendairv2x': 6, 'emiff_test': 7, 'emiff_val': 6}


def test_emiff_val_does_not_filter_predictions():
    objects = boxes_at((20, 0), (40, 0))
    predictions = boxes_at((20, 0), (40, 0), (-50, 0), (20, 80))
    frames = [frame(objects, predictions, [0.5, 0.4, 0.9, 0.8])]
    assert evaluate(frames, 'emiff_val').ranges['overall'].predictions == 4
    assert evaluate(frames, 'emiff_test').ranges['overall'].predictions == 2
    assert evaluate(frames, 'emiff_val').ranges['0-30'].predictions == 1


def test_result_as_dict_and_table():
    objects = boxes_at((10, 0), (20, 0))
    result = evaluate([frame(objects, objects, [0.9, 0.8])], 'opendairv2x')
    values = result.to_dict()
    assert values['protocol'] == 'opendairv2x' and values['frames'] == 1
    assert set(values['ranges']) == set(RANGES)
    assert values['ranges']['overall']['ap_bev_50'] == 50.0
    assert values['ranges']['50-100'] == {
        'ground_truth': 0,
        'predictions': 0,
        **{f'ap_{view}_{iou}': None for view in VIEWS for iou in (30, 50, 70)},
    }
    assert '| overall | 2 | 50.00 |' in result.table()
    assert 'Protocol opendairv2x, 1 frames' in result.table()


def test_refusals():
    good = frame(boxes_at((10, 0)), boxes_at((10, 0)), [0.5])
    with pytest.raises(ValueError, match="no protocol 'kitti'; choose one of"):
        evaluate([good], 'kitti')
    with pytest.raises(ValueError, match='no frames'):
        evaluate([])
    with pytest.raises(ValueError, match=r'IoU thresholds are \[0\.0\]'):
        evaluate([good], iou_thresholds=[0.0])


def test_a_full_validation_set_takes_seconds():
    generator = np.random.default_rng(0)
    frames = []
    for _ in range(180):
        objects = random_boxes(generator, 25)
        near = objects + generator.normal(0, 0.2, objects.shape)
        predictions = np.concatenate([near, random_boxes(generator, 25)])
        frames.append(frame(objects, predictions, generator.uniform(0, 1, 50)))
    start = time.process_time()
    result = evaluate(frames)
    # A tenth of DAIR-V2X-C's validation split; all of it may take 30 s.
    assert time.process_time() - start < 3.0
    assert result.ap('bev', 0.3) > 30
