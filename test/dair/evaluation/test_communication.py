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

"""AB as OpenDAIRV2X counts it."""

import numpy as np
import pytest

from emiff_ros.dair.evaluation import average_bytes, late_fusion_bytes, message_bytes


def test_late_fusion_counts_72_bytes_a_box_and_one_dummy():
    assert late_fusion_bytes(3) == 3 * 72
    assert late_fusion_bytes(0) == 72
    with pytest.raises(ValueError, match='boxes is -1'):
        late_fusion_bytes(-1)


def test_published_kinds_of_values():
    assert message_bytes({'prev_boxes': np.zeros((2, 8, 3))}) == 2 * 56
    assert message_bytes({'boxes_3d': np.zeros((2, 8, 3), np.float32)}) == 2 * 192
    assert message_bytes({'prev_time_diff': 100.5, 'label': [2, 2]}) == 8 + 16
    assert message_bytes({'id': 'abc'}) == 3


def test_tensors_are_refused_like_in_the_published_counter():
    with pytest.raises(ValueError, match='features is a memoryview; AB counts'):
        message_bytes({'features': memoryview(b'1')})


def test_average():
    assert average_bytes([72, 144]) == 108
    assert average_bytes([]) == 0
