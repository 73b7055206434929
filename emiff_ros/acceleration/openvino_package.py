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

"""The package openvino, which is there or not, without its reports to its makers."""

from functools import cache
import importlib.metadata
import sys
import threading
from types import ModuleType
from typing import Any

LEAST_VERSION = 2025
"""Year of the oldest release that translates PyTorch's graphs as it is asked to here."""

REMEDY = f"pip install --force-reinstall --no-deps 'openvino>={LEAST_VERSION}'"
"""Command for a package that is missing, old or damaged; NumPy stays as it is."""

_core_is_made = threading.Lock()
"""Held while the process's one Core is asked for: ``cache`` alone lets two threads make two."""


def openvino_version() -> str | None:
    """Return the installed release, None if there is none."""
    try:
        return importlib.metadata.version('openvino')
    except importlib.metadata.PackageNotFoundError:
        return None


def openvino_problem() -> str | None:
    """Return why OpenVINO cannot be used, as the end of a sentence; None if it can."""
    version = openvino_version()
    if version is None:
        return 'is not installed'
    year = version.partition('.')[0]
    if not year.isdecimal() or int(year) < LEAST_VERSION:
        return f'is {version}, not {LEAST_VERSION}.0 or later'
    try:
        _import()
    except Exception as error:  # Beside libraries that it was not built for it raises anything.
        return f'cannot be imported ({type(error).__name__}: {error})'
    return None


def require_openvino() -> None:
    """Check that OpenVINO can be used.

    Raises:
        ValueError: if it cannot; the message says how to get it.
    """
    problem = openvino_problem()
    if problem is not None:
        raise ValueError(
            f'8 bits and engine openvino need the package openvino, which {problem}; get it with: '
            f'{REMEDY}'
        )


def import_openvino() -> ModuleType:
    """Return the package.

    It tells its makers over the network that it was imported, from a forked process, which is
    nothing for a node to do. Where the reporting package is missing it keeps silent.

    Raises:
        ValueError: if it cannot be used.
    """
    require_openvino()
    return _import()


def openvino_core() -> Any:
    """Return the one ``openvino.Core`` of this process, which stays until the process ends.

    A Core gives the thread that compiles first a stack of its own for signals and frees it when it
    goes. Of several, the last to go puts back one that is freed by then, and the next signal that
    Python handles, Ctrl-C for one, is a segmentation fault.

    Raises:
        ValueError: if OpenVINO cannot be used.
    """
    with _core_is_made:
        return _core()


@cache
def _core() -> Any:
    return import_openvino().Core()


def _import() -> ModuleType:
    sys.modules.setdefault('openvino_telemetry', None)
    import openvino

    return openvino
