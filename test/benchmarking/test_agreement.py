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

"""Boxes are matched one to one."""

import torch

from emiff_ros.benchmarking.agreement import agreement
from emiff_ros.model import Boxes


def boxes(*rows):
    values = torch.tensor([[x, 0.0, -1.0, 4.0, 2.0, 1.5, 0.0] for x, _ in rows])
    scores = torch.tensor([score for _, score in rows])
    return Boxes(values, scores, torch.zeros(len(rows), dtype=torch.long))


def test_each_box_is_used_once():
    result = agreement([boxes((10, 0.9), (10.1, 0.8), (30, 0.2))], [boxes((10, 0.85))])
    assert (result['boxes'], result['matched']) == (2, 0.5)
    assert abs(result['score_max'] - 0.05) < 1e-6


def test_far_boxes_do_not_match():
    assert agreement([boxes((10, 0.9))], [boxes((20, 0.9))])['matched'] == 0
