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

"""Robustness curves of a tiny network: measuring, going on, picture and tables."""

import math

from dair.dair_folder import write_dair_folder
import pytest
import torch
from training.tiny import tiny_model

from emiff_ros.comparison.curve_picture import curve_tables, draw_curves
from emiff_ros.comparison.methods import Method, Runner
from emiff_ros.comparison.robustness import Curve, measure_curves
from emiff_ros.dair.reader import DairFolder
from emiff_ros.model.emiff import Emiff
from emiff_ros.model.weights import save_weights
from emiff_ros.viz.charts import save_chart

MODEL = tiny_model(detection={'score_threshold': 0.0, 'candidates': 20, 'max_boxes': 8})
SIZES = {
    'position': (0.0, 1.0),
    'heading': (0.0, 2.0),
    'delay': (0.0, 100.0),
    'exposure': (-2.0, 0.0),
}


@pytest.fixture(scope='module')
def measured(tmp_path_factory):
    """Return (root, methods, answers' folder, curves)."""
    root = tmp_path_factory.mktemp('robustness')
    folder = DairFolder(write_dair_folder(root))
    torch.manual_seed(2)
    save_weights(Emiff(MODEL), root / 'tiny.safetensors')
    methods = [
        Method('both', root / 'tiny.safetensors'),
        Method('alone', root / 'tiny.safetensors', alone=True),
    ]
    curves = measure_curves(methods, folder, folder.pairs, SIZES, root / 'answers')
    return folder, methods, root / 'answers', curves


def test_every_method_has_every_curve(measured):
    _, _, answers, curves = measured
    assert [(curve.method, curve.kind) for curve in curves] == [
        (name, kind) for name in ('both', 'alone') for kind in SIZES
    ]
    frames = {curve.kind: curve.frames for curve in curves}
    assert frames == {'position': 4, 'heading': 4, 'delay': 3, 'exposure': 4}
    assert all(len(curve.values['ap_bev_50']) == 2 for curve in curves)
    # One file undisturbed and one for each of the four disturbances that is not 0.
    assert len(list(answers.glob('both-*.jsonl'))) == 5


def test_disturbances_change_the_answers_of_those_they_touch(measured):
    _, _, answers, _ = measured

    def text(method, name):
        (path,) = answers.glob(f'{method}-*-{name}.jsonl')
        return [line.split('"ab_cost"')[0] for line in path.read_text().splitlines()]

    for name in ('position_1', 'heading_2', 'exposure_-2'):
        assert text('both', name) != text('both', 'undisturbed')
    assert text('both', 'delay_100') != text('both', 'undisturbed')[1:]
    assert text('alone', 'position_1') == text('alone', 'undisturbed')
    assert text('alone', 'exposure_-2') != text('alone', 'undisturbed')


def test_nothing_is_measured_twice(measured, monkeypatch):
    folder, methods, answers, curves = measured

    def refuse(self, *_):
        raise AssertionError('measured again')

    monkeypatch.setattr(Runner, 'answer', refuse)
    assert measure_curves(methods, folder, folder.pairs, SIZES, answers) == curves


def test_no_delay_curve_without_older_frames(measured):
    folder, methods, answers, _ = measured
    sizes = {'position': (0.0,), 'delay': (0.0, 900.0)}
    curves = measure_curves(methods[:1], folder, folder.pairs, sizes, answers)
    assert [curve.kind for curve in curves] == ['position']
    assert measure_curves(methods[:1], folder, folder.pairs, {'delay': (900.0,)}, answers) == []
    with pytest.raises(ValueError, match='no pairs to measure on'):
        measure_curves(methods, folder, [], sizes, answers)


def test_picture_and_tables(tmp_path):
    curves = [
        Curve(name, kind, (0.0, 1.0, 2.0), 10, {'ap_bev_50': (20.0, 15.0, 8.0 - index)})
        for index, name in enumerate(('EMIFF', 'without MCA'))
        for kind in ('position', 'heading', 'delay')
    ]
    figure = draw_curves(curves)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_xlabel() for axes in shown] == ['m', 'degrees', 'ms']
    assert all(len(axes.lines) == 2 for axes in shown)
    assert list(shown[0].lines[1].get_ydata()) == [20.0, 15.0, 7.0]
    path = save_chart(figure, tmp_path / 'curves.png')
    assert path.stat().st_size > 10_000
    tables = curve_tables(curves)
    assert (
        '| method | 0 m | 1 m | 2 m |' in tables
        and '| without MCA | 20.00 | 15.00 | 7.00 |' in tables
    )
    with pytest.raises(ValueError, match='curves is empty'):
        draw_curves([])


def test_an_ap_that_is_not_defined_leaves_a_gap():
    curves = [Curve('a', 'delay', (0.0, 1.0), 3, {'ap_bev_50': (math.nan, 20.0)})]
    assert draw_curves(curves).axes[0].get_ylim()[1] == pytest.approx(22.4)
    assert '| a | - | 20.00 |' in curve_tables(curves)
    none = [Curve('a', 'delay', (0.0,), 3, {'ap_bev_50': (math.nan,)})]
    assert draw_curves(none).axes[0].get_ylim()[1] == 1.0
