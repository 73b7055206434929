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

"""Where a node's network runs."""

from __future__ import annotations

import torch

from emiff_ros.device import find_device
from emiff_ros.nodes.parameters import ParameterError


def choose_device(name: str) -> torch.device:
    """Return the device that the parameter ``device`` names: ``auto``, ``cpu`` or ``cuda:N``.

    Raises:
        ParameterError: if it is absent or no such name.
    """
    try:
        return find_device(name, 'parameter device')
    except ValueError as error:
        raise ParameterError(str(error)) from error
