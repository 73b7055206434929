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

"""Chooses a few of many, evenly spread."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

Item = TypeVar('Item')


def evenly_spread(items: Sequence[Item], count: int) -> list[Item]:
    """Return at most ``count`` of the items in their order, the first and the last among them.

    Args:
        items: to choose from.
        count: how many; 0 takes all.

    Raises:
        ValueError: if count is negative.
    """
    if count < 0:
        raise ValueError(f'count is {count}; expected 0 (all) or more')
    if count == 0 or count >= len(items):
        return list(items)
    return [items[index] for index in np.linspace(0, len(items) - 1, count).round().astype(int)]
