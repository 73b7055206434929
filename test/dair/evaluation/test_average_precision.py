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

"""Average precision from flags, against sums worked by hand."""

import math

import pytest

from emiff_ros.dair.evaluation.average_precision import average_precision


def test_the_first_recall_step_is_not_counted():
    assert average_precision([0.9, 0.8], [True, True], 2) == 50.0
    assert average_precision([0.9], [True], 1) == 0.0
    assert average_precision([0.9, 0.8], [False, True], 1) == pytest.approx(50.0)


def test_precision_is_made_non_increasing_from_the_right():
    # Sorted flags T F T T of 4 objects: precision 1, 1/2, 2/3, 3/4 -> 1, 3/4, 3/4, 3/4.
    value = average_precision([0.9, 0.6, 0.8, 0.7], [True, True, False, True], 4)
    assert value == pytest.approx(100 * (3 / 4 + 3 / 4) / 4)


def test_equal_scores_keep_their_order():
    assert average_precision([0.5, 0.5], [True, False], 1) == 0.0
    assert average_precision([0.5, 0.5], [False, True], 1) == 50.0


def test_no_predictions_and_no_objects():
    assert average_precision([], [], 3) == 0.0
    assert math.isnan(average_precision([0.5], [False], 0))


def test_scores_and_flags_must_fit():
    with pytest.raises(ValueError, match=r'\(2,\) scores and \(1,\) flags'):
        average_precision([0.5, 0.4], [True], 1)
