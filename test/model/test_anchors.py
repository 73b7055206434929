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

"""Anchor grid: order, values and the original's rounding."""

import pytest
import torch

from emiff_ros.model import EmiffConfig
from emiff_ros.model.anchors import cell_centres, make_anchors


def test_order_is_row_then_column_then_yaw():
    config = EmiffConfig()
    columns, rows, _ = config.voxels.counts
    anchors = make_anchors(config)
    assert anchors.shape == (rows * columns * 2, 7)
    row, column, yaw = 17, 101, 1
    anchor = anchors[(row * columns + column) * 2 + yaw].tolist()
    x = 92.16 / columns * (column + 0.5)
    y = -39.68 + 79.36 / rows * (row + 0.5)
    assert anchor == pytest.approx([x, y, -1.78, 3.9, 1.6, 1.56, 1.57], abs=1e-4)


def test_second_yaw_is_not_half_a_turn():
    """Quirk: the original writes 1.57 for pi/2."""
    assert make_anchors(EmiffConfig())[1, 6] == torch.tensor(1.57)


def test_sizes_and_yaws_multiply():
    values = {'anchors': {'sizes': [[4, 2, 1.5], [1, 1, 1.7]], 'yaws': [0, 1, 2]}}
    anchors = make_anchors(EmiffConfig.from_dict(values))
    assert anchors[:6, 3].tolist() == [4, 4, 4, 1, 1, 1]
    assert anchors[:6, 6].tolist() == [0, 1, 2, 0, 1, 2]


def test_centres_lie_in_the_middle_of_equal_cells():
    centres = cell_centres(0.0, 10.0, 4)
    assert centres.tolist() == [1.25, 3.75, 6.25, 8.75]
    assert centres.dtype == torch.float32
