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

"""A FrameResult refuses what cannot be evaluated."""

import numpy as np
import pytest

from emiff_ros.dair.evaluation import FrameResult


def test_empty_lists_become_arrays():
    result = FrameResult([], [], [])
    assert result.ground_truth_corners.shape == (0, 8, 3)
    assert result.predicted_corners.shape == (0, 8, 3)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ((np.zeros((2, 7)), [], []), r'ground_truth_corners has shape \(2, 7\)'),
        (([], np.zeros((2, 8, 3)), [0.5]), r'scores have shape \(1,\).*each of the 2'),
        (([], np.full((1, 8, 3), np.nan), [0.5]), 'predicted_corners holds .* not finite'),
        (([], np.zeros((1, 8, 3)), [np.inf]), 'a score is not finite'),
    ],
)
def test_refusals_name_frame_and_field(arguments, message):
    with pytest.raises(ValueError, match="frame '000123': " + message):
        FrameResult(*arguments, frame_id='000123')
