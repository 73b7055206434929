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

"""Loops over numbers that Numba compiles, for work that has no operation of NumPy or PyTorch."""

from collections.abc import Callable
from typing import TypeVar

import numba

Function = TypeVar('Function', bound=Callable)


def compiled(function: Function) -> Function:
    """Compile a function of arrays and numbers when it is called first with their kinds.

    Other threads run meanwhile. Products and sums may be fused, which rounds once instead of
    twice; divisions by zero are infinite, as in NumPy. Nothing checks indices. Results of
    compiling are kept on disk where a folder for them can be written: beside the file or in the
    user's cache.
    """
    settings = {'nogil': True, 'fastmath': {'contract'}, 'error_model': 'numpy'}
    try:
        return numba.njit(cache=True, **settings)(function)
    except RuntimeError:  # no such folder
        return numba.njit(**settings)(function)
