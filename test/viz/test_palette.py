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

"""Colours and themes."""

import itertools

import pytest

from emiff_ros.viz.palette import DARK, LIGHT, Colour, Source


def test_a_colour_keeps_its_channels_in_every_form():
    colour = Colour.from_hex('#1fd6a6')
    assert colour.bgr == (0xA6, 0xD6, 0x1F)
    assert colour.hex == '#1fd6a6'
    assert colour.unit == (0x1F / 255, 0xD6 / 255, 0xA6 / 255)


@pytest.mark.parametrize('text', ['1fd6a6', '#1fd6a', '#1fd6ag', ''])
def test_what_is_no_colour_is_refused(text):
    with pytest.raises(ValueError, match='#rrggbb'):
        Colour.from_hex(text)


def test_mixing_goes_from_one_colour_to_the_other():
    black, white = Colour(0, 0, 0), Colour(255, 255, 255)
    assert black.mixed(white, 0) == black
    assert black.mixed(white, 1) == white
    assert Colour(10, 20, 30).mixed(Colour(20, 40, 60), 0.5) == Colour(15, 30, 45)


@pytest.mark.parametrize('theme', [DARK, LIGHT], ids=['dark', 'light'])
def test_sources_are_told_apart_and_stand_out(theme):
    for one, other in itertools.combinations(Source, 2):
        pairs = zip(theme.source(one).bgr, theme.source(other).bgr, strict=True)
        assert max(abs(a - b) for a, b in pairs) > 60
    for source in Source:
        assert _contrast(theme.source(source), theme.background) > 3
    assert _contrast(theme.text, theme.background) > 7
    assert _contrast(theme.muted, theme.panel) > 4.5


def _contrast(one: Colour, other: Colour) -> float:
    """Contrast ratio of WCAG 2."""

    def luminance(colour):
        linear = [
            value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
            for value in colour.unit
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
