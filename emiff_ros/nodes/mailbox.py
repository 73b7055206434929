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

"""One worker thread with room for one job: newer jobs replace older ones that have not begun."""

from __future__ import annotations

from collections.abc import Callable
import threading
from typing import Generic, TypeVar

Job = TypeVar('Job')


class LatestJobWorker(Generic[Job]):
    """Runs ``work(job)`` on a thread of its own, always on the newest job.

    Args:
        work: called on the worker thread for each job that is taken.
        on_replaced: called with a job that a newer one has replaced before it began.
        on_error: called with the job and the exception that ``work`` raised; the worker goes on.
        name: name of the thread.
    """

    def __init__(
        self,
        work: Callable[[Job], None],
        on_replaced: Callable[[Job], None],
        on_error: Callable[[Job, Exception], None],
        name: str = 'worker',
    ) -> None:
        """Start the thread."""
        self._work = work
        self._on_replaced = on_replaced
        self._on_error = on_error
        self._changed = threading.Condition()
        self._waiting: Job | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Job) -> None:
        """Hand over a job without waiting."""
        with self._changed:
            replaced, self._waiting = self._waiting, job
            self._changed.notify()
        if replaced is not None:
            self._on_replaced(replaced)

    def stop(self, timeout: float = 30.0) -> None:
        """Finish the job in hand, count a waiting one as replaced and end the thread.

        Args:
            timeout: how long to wait for the job in hand, seconds.
        """
        with self._changed:
            self._stopping = True
            replaced, self._waiting = self._waiting, None
            self._changed.notify()
        if replaced is not None:
            self._on_replaced(replaced)
        self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._changed:
                while self._waiting is None and not self._stopping:
                    self._changed.wait()
                if self._stopping:
                    return
                job, self._waiting = self._waiting, None
            try:
                self._work(job)
            except Exception as error:  # a node must not die of one bad input
                self._on_error(job, error)
