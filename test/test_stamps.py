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

"""Stamps as integers."""

from builtin_interfaces.msg import Time
import pytest

from emiff_ros.stamps import SECOND, nanoseconds_of


@pytest.mark.parametrize(
    ('seconds', 'rest', 'expected'),
    [(0, 0, 0), (1, 5, SECOND + 5), (2**31 - 1, SECOND - 1, 2**31 * SECOND - 1), (-1, 0, -SECOND)],
)
def test_all_of_a_stamp_counts(seconds, rest, expected):
    assert nanoseconds_of(Time(sec=seconds, nanosec=rest)) == expected
