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

"""Where a network runs."""

from __future__ import annotations

import torch

from emiff_ros.nodes.parameters import ParameterError


def choose_device(name: str) -> torch.device:
    """Return the device that a parameter names: ``auto``, ``cpu`` or ``cuda:N``.

    Raises:
        ParameterError: if it is absent or no such name.
    """
    if name == 'auto':
        return torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ParameterError(
            f'parameter device is {name!r}; expected auto, cpu or cuda:N'
        ) from error
    if device.type == 'cuda' and (device.index or 0) >= torch.cuda.device_count():
        raise ParameterError(
            f'parameter device is {name!r} but this machine has {torch.cuda.device_count()} '
            'CUDA devices; '
            'use auto or cpu'
        )
    if device.type not in ('cpu', 'cuda'):
        raise ParameterError(f'parameter device is {name!r}; expected auto, cpu or cuda:N')
    return device
