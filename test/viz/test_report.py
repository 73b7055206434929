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

"""The HTML report."""

import base64
from html.parser import HTMLParser
import json
import re

import cv2
import numpy as np
import pytest
from viz.scene import metrics, record

from emiff_ros.viz.report import LIMITS, write_report

VOID = {'meta', 'img', 'input', 'link', 'br', 'path', 'use', 'rect'}


class Page(HTMLParser):
    """Collects tags, text and the content of the gallery; checks that every tag is closed."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.words, self.data = [], [], [], ''
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == 'script':
            if self.tags[-1][1].get('id') == 'gallery':
                self.data += data
        elif self.open and self.open[-1] != 'style':
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r' ([,.:])', r'\1', re.sub(r'\s+', ' ', ' '.join(self.words)))

    @property
    def gallery(self):
        return json.loads(self.data)


def written(tmp_path, frames=None, command='make demo', **options):
    report = options.pop('metrics', metrics())
    frames = [record('000001'), record('000002', fused=False)] if frames is None else frames
    return write_report(tmp_path / 'report.html', report, frames, command, **options)


@pytest.fixture(scope='module')
def html(tmp_path_factory):
    return written(tmp_path_factory.mktemp('report')).read_text(encoding='utf-8')


@pytest.fixture(scope='module')
def page(html):
    return Page(html)


def test_the_first_screen_says_what_it_is_and_where_it_ends(page):
    assert 'Cooperative 3D detection over ROS 2' in page.text
    assert LIMITS in page.text
    assert 'generated scenes only' in LIMITS
    assert page.text.index(LIMITS) < page.text.index('Accuracy')


@pytest.mark.parametrize(
    'words',
    [
        'AP BEV @ IoU 0.5 46.2 24.6 +21.6',
        'AP 3D @ IoU 0.5 38.1 17.2 +20.9',
        'Gain, points +14.1',
        'Payload a frame 2.09 kB at most 2.31 kB',
        'Message on the wire 2.42 kB',
        'Latency, median 71 ms',
        'Latency, 95 % 94 ms',
        'Results 9.7 Hz',
        '56 % by the vehicle, 81 % by the roadside unit',
        '60 received = 58 published + 1 replaced + 1 refused',
        '63 received = 58 fused + 4 superseded + 0 expired + 0 refused + 1 still cached',
        'make demo',
        'Seed of the generated scenes: 1',
        '0123456789abcdef0123456789abcdef01234567',
        '2 of 2 recorded frames',
    ],
)
def test_every_number_of_the_metrics_is_there(page, words):
    assert words in page.text


def test_nothing_is_loaded_from_elsewhere(page, html):
    for tag, attributes in page.tags:
        assert tag not in ('link', 'iframe', 'object', 'embed')
        for name in ('src', 'href', 'xlink:href', 'srcset'):
            value = attributes.get(name) or '#'
            assert value.startswith(('#', 'data:'))
    assert set(re.findall(r'https?://[^"\'\s<)]+', html)) <= {
        'http://www.w3.org/1999/xlink',
        'http://www.w3.org/2000/svg',
    }
    assert '@import' not in html


def test_light_and_dark_colours_are_both_there(html):
    assert 'prefers-color-scheme: dark' in html
    for name in ('background', 'text', 'cooperative', 'vehicle-only', 'ground-truth'):
        assert len(set(re.findall(rf'--{name}: (#[0-9a-f]{{6}});', html))) == 2
    used = set(re.findall(r'var\(--([a-z-]+)\)', html)) - {'font', 'mono', 'stage', 'swatch'}
    assert used <= set(re.findall(r'--([a-z-]+): #', html))


def test_the_gallery_holds_every_frame_with_its_pictures(page):
    first, second = page.gallery
    assert (first['id'], first['fused'], first['latency'], first['payload']) == (
        '000001',
        True,
        '71 ms',
        '2.05 kB',
    )
    assert (first['objects'], first['cooperative'], first['vehicle_only']) == (3, 2, 1)
    assert second['fused'] is False
    for uri, shape in zip(first['images'], [(486, 864), (486, 864), (864, 640)], strict=True):
        data = np.frombuffer(base64.b64decode(uri.partition(',')[2]), dtype=np.uint8)
        assert cv2.imdecode(data, cv2.IMREAD_COLOR).shape == (*shape, 3)
    sources = [attributes.get('src') for tag, attributes in page.tags if tag == 'img']
    assert sources[1:] == first['images']


def test_charts_are_drawn_in_the_page(page):
    assert [tag for tag, _ in page.tags].count('svg') == 3
    assert 'Latency, ms' in page.text
    assert 'Payload, kB' in page.text


def test_text_cannot_break_out_of_the_page(tmp_path):
    nasty = '</script><b id="out">'
    frames = [record(nasty)]
    html = written(tmp_path, frames, command=f'run {nasty}').read_text(encoding='utf-8')
    page = Page(html)
    assert page.gallery[0]['id'] == nasty
    assert 'b' not in [tag for tag, attributes in page.tags if attributes.get('id') == 'out']
    assert f'run {nasty}' in page.text


def test_a_long_run_is_thinned_out_evenly(tmp_path):
    frames = [record(f'{index:06d}') for index in range(9)]
    page = Page(written(tmp_path, frames, max_frames=3).read_text(encoding='utf-8'))
    assert [entry['id'] for entry in page.gallery] == ['000000', '000004', '000008']
    assert '3 of 9 recorded frames' in page.text


def test_what_is_not_known_is_left_out_or_a_dash(tmp_path):
    bare = metrics(
        ranges=None,
        seed=None,
        git_commit=None,
        latency_ms={'p50': None, 'p95': None},
        visible_share={'vehicle': None, 'infrastructure': None},
    )
    frames = [record(roadside=False, fused=False, latency_ms=None, payload_bytes=None)]
    page = Page(written(tmp_path, frames, metrics=bare).read_text(encoding='utf-8'))
    assert 'svg' not in [tag for tag, _ in page.tags]
    assert 'Latency, median \N{EM DASH}' in page.text
    assert 'Share of the ground truth' not in page.text
    assert 'no seed' in page.text
    assert 'no commit known' in page.text
    assert page.gallery[0]['latency'] == '\N{EM DASH}'


def test_all_latencies_and_payloads_may_be_given(tmp_path):
    path = written(tmp_path, latencies_ms=np.full(7, 50.0), payload_bytes=[500] * 7)
    assert 'mean 500 B, at most 500 B' in Page(path.read_text(encoding='utf-8')).text


def test_counters_that_do_not_add_up_are_pointed_out(tmp_path):
    wrong = metrics(images={'received': 5, 'published': 9, 'replaced': 0, 'refused': 0})
    page = Page(written(tmp_path, metrics=wrong).read_text(encoding='utf-8'))
    assert 'does not add up' in page.text


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'frames': []}, 'frames is empty'),
        ({'max_frames': 0}, 'max_frames is 0'),
        ({'metrics': {'frames': 3}}, 'rate_hz'),
    ],
)
def test_a_report_without_content_is_refused(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        written(tmp_path, **options)
    assert not (tmp_path / 'report.html').exists()
