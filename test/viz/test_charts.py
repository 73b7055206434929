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

"""Charts."""

import re
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from viz.scene import metrics

from emiff_ros.viz.charts import (
    average_precision_chart,
    latency_chart,
    page_svg,
    payload_chart,
    save_chart,
)
from emiff_ros.viz.numbers import range_groups
from emiff_ros.viz.palette import DARK, LIGHT, Source


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_the_histogram_holds_every_latency_and_the_curve_reaches_all():
    latencies = np.linspace(40, 130, 37)
    bars, curve = latency_chart(latencies).axes
    assert sum(patch.get_height() for patch in bars.patches) == 37
    heights = curve.lines[0].get_ydata()
    assert (heights[0], heights[-1]) == (0, 100)
    assert (np.diff(heights) >= 0).all()
    middle = np.searchsorted(curve.lines[0].get_xdata(), 85.0)
    assert heights[middle] == pytest.approx(50, abs=4)
    assert '100 ms budget' in texts(bars)
    assert texts(latency_chart(latencies, budget_ms=None).axes[0]) == []


def test_payloads_are_drawn_in_fitting_units_with_their_mean():
    (axes,) = payload_chart([2000, 2200, 2100]).axes
    assert axes.get_ylabel() == 'Payload, kB'
    assert texts(axes) == ['mean 2.1 kB, at most 2.2 kB']
    np.testing.assert_allclose(axes.lines[0].get_ydata(), [2.0, 2.2, 2.1])
    (small,) = payload_chart([200, 300]).axes
    assert small.get_ylabel() == 'Payload, B'
    (empty,) = payload_chart([0, 0]).axes
    assert empty.get_ylim()[1] > 0


def test_bars_are_as_high_as_ap_and_a_missing_one_says_so():
    (axes,) = average_precision_chart(range_groups(metrics())).axes
    heights = [patch.get_height() for patch in axes.patches]
    assert heights == [58.1, 45.0, 44.0, 0.0]
    assert texts(axes) == ['58.1', '45.0', '44.0', 'n/a']
    assert [label.get_text() for label in axes.get_xticklabels()] == ['0-30 m', '30-50 m']


@pytest.mark.parametrize(
    ('call', 'message'),
    [
        (lambda: latency_chart([]), 'latencies_ms is empty'),
        (lambda: latency_chart([1.0, np.nan]), 'not finite'),
        (lambda: payload_chart([-1]), 'negative'),
        (lambda: average_precision_chart({}), 'groups is empty'),
        (lambda: average_precision_chart({'0-30 m': {}}, 'ap_bev_70'), 'ap_bev_70'),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize('theme', [LIGHT, DARK], ids=['light', 'dark'])
def test_a_chart_is_saved_in_its_theme(tmp_path, theme):
    path = save_chart(payload_chart([2000, 2200], theme), tmp_path / 'made' / 'payload.png', 100)
    image = cv2.imread(str(path))
    assert image.shape == (290, 540, 3)
    assert image[2, 2].tolist() == list(theme.background.bgr)


def test_the_page_gives_the_colours_and_the_same_chart_gives_the_same_svg():
    svg = page_svg(latency_chart([50.0, 60.0, 70.0]))
    assert svg == page_svg(latency_chart([50.0, 60.0, 70.0]))
    root = ElementTree.fromstring(svg)
    assert 'width' not in root.attrib
    assert 'viewBox' in root.attrib
    assert 'Latency, ms' in ''.join(root.itertext())
    assert f'var(--{Source.COOPERATIVE.value})' in svg
    assert 'var(--muted)' in svg
    assert not re.search(r'#[0-9a-f]{6}', svg)
