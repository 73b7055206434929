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

"""Look inside the network: record intermediate tensors by name.

    with StageRecorder() as recorder:
        model.forward_maps(...)
    recorder.stages['volume_v']

Modules call :func:`record` at each stage; without an active recorder that is one look-up.
"""

from contextvars import ContextVar, Token

from torch import Tensor

_active: ContextVar['StageRecorder | None'] = ContextVar('active_recorder', default=None)


class StageRecorder:
    """Context manager that keeps a detached copy of every recorded stage of this thread.

    Attributes:
        stages: tensors by stage name. A stage that runs again (a second roadside view) is kept as
            ``name#2``, ``name#3`` and so on.
    """

    def __init__(self) -> None:
        """Start with nothing recorded."""
        self.stages: dict[str, Tensor] = {}
        self._token: Token | None = None

    def __enter__(self) -> 'StageRecorder':
        """Start recording in this thread."""
        self._token = _active.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop recording; what was recorded stays."""
        _active.reset(self._token)

    def add(self, name: str, value: Tensor) -> None:
        """Keep a copy of ``value``, for later stages may change it in place."""
        unique, run = name, 1
        while unique in self.stages:
            run += 1
            unique = f'{name}#{run}'
        self.stages[unique] = value.detach().clone()


def record(name: str, value: Tensor) -> Tensor:
    """Hand ``value`` to the active recorder, if there is one, and return it."""
    recorder = _active.get()
    if recorder is not None:
        recorder.add(name, value)
    return value


def is_recording() -> bool:
    """Tell whether a recorder is active in this thread."""
    return _active.get() is not None
