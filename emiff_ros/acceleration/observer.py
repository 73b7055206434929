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

"""Hooks on modules of a network, there for the time of a ``with`` statement."""

from collections.abc import Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import TypeVar

from torch.utils.hooks import RemovableHandle

AnyObserver = TypeVar('AnyObserver', bound='Observer')


class Observer:
    """Watches a network while frames pass through it."""

    def __init__(self) -> None:
        """Watch nothing yet."""
        self._hooks = ExitStack()

    def attach(self) -> Iterable[RemovableHandle]:
        """Register the hooks."""
        raise NotImplementedError

    def __enter__(self: AnyObserver) -> AnyObserver:
        """Begin to watch."""
        for hook in self.attach():
            self._hooks.enter_context(hook)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Watch no longer."""
        self._hooks.close()
