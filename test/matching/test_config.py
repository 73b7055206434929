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

"""Bounds of the matching parameters."""

import pytest

from emiff_ros.matching.config import MatchingConfig


@pytest.mark.parametrize(
    'change',
    [
        {'max_age': -1},
        {'max_future': -1},
        {'reorder_window': -1},
        {'clock_jump': -1},
        {'capacity': 0},
        {'max_silence': -1},
        {'max_stations': 0},
        {'max_pose_jump': 0.0},
        {'max_pose_jump': float('nan')},
    ],
)
def test_senseless_values_are_refused(change):
    with pytest.raises(ValueError, match=next(iter(change))):
        MatchingConfig(**change)


def test_defaults():
    config = MatchingConfig()
    assert config.max_future == 50_000_000
    assert config.max_pose_jump == 3.0
