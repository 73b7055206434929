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

"""The script that counts what arrives under settings of the middleware."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest

pytest.importorskip('rclpy')

FOLDER = Path(__file__).parents[2] / 'benchmark' / 'transport'


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    return import_module('middleware_settings')  # by name, as the processes do that it starts


def test_small_messages_arrive_and_are_timed(script):
    result = script.run(script.Case('/image', 1000, 5, rate=20.0))
    assert (result['settings'], result['arrived']) == (None, 5)
    assert result['seconds'] >= 0.2


def test_what_the_link_cannot_carry_at_once_takes_its_time(script):
    result = script.run(replace(script.CASES[-1], size=60_000, count=5))
    assert (result['settings'], result['arrived']) == ('fastdds_feature_link.xml', 5)
    assert result['seconds']
