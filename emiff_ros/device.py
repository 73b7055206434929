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


def find_device(name: str, option: str) -> torch.device:
    """Return the device of a name: ``auto`` (a GPU where there is one), ``cpu`` or ``cuda:N``.

    Args:
        name: of the device.
        option: who named it, for the message.

    Raises:
        ValueError: if it is absent or no such name.
    """
    if name == 'auto':
        return torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ('cpu', 'cuda'):
        raise ValueError(f'{option} is {name!r}; expected auto, cpu or cuda:N')
    count = torch.cuda.device_count()
    if device.type == 'cuda' and (device.index or 0) >= count:
        raise ValueError(
            f'{option} is {name!r} but this machine has {count} CUDA devices; use auto or cpu'
        )
    return device
