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

"""Marks for tests of whole networks in a precision that not every CPU has."""

import pytest
import torch

from emiff_ros.processor import multiplies


def on_this_cpu(precision: str):
    """Return a test parameter that is skipped where the CPU would take minutes."""
    slow = not multiplies(getattr(torch, precision)) and not torch.cuda.is_available()
    reason = f'this CPU has no instructions for {precision}'
    return pytest.param(precision, marks=pytest.mark.skipif(slow, reason=reason))
