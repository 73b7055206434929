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

"""Whether tensors by name are those that a network expects."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

_NAMED_AT_ONCE = 20


def shapes_of(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor by its name."""
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def mismatches(tensors: Mapping[str, Tensor], expected: Mapping[str, Sequence[int]]) -> list[str]:
    """Say what keeps ``tensors`` from being the expected ones; nothing if they are.

    Args:
        tensors: by name.
        expected: shape by name.

    Returns:
        One line for each name that is unknown, missing, of another shape or not finite.
    """
    problems = [f'unknown key {name}' for name in tensors if name not in expected]
    for name, shape in expected.items():
        if name not in tensors:
            problems.append(f'missing key {name}')
        elif list(tensors[name].shape) != list(shape):
            problems.append(
                f'{name} has shape {list(tensors[name].shape)}; expected {list(shape)}'
            )
        elif not torch.isfinite(tensors[name]).all():
            problems.append(f'{name} holds a number that is not finite')
    return problems


def listed(problems: Sequence[str]) -> str:
    """Write the lines of :func:`mismatches` for a message, the first of them if there are many."""
    shown = '\n'.join(problems[:_NAMED_AT_ONCE])
    hidden = len(problems) - _NAMED_AT_ONCE
    count = '1 problem' if len(problems) == 1 else f'{len(problems)} problems'
    return f'({count}):\n{shown}' + (f'\nand {hidden} more' if hidden > 0 else '')
