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

"""Work in two stages, each on a thread of its own: the next job begins while one is finished."""

from __future__ import annotations

from collections.abc import Callable
import math
import threading
import time
from typing import Generic, TypeVar

Job = TypeVar('Job')
Half = TypeVar('Half')

_MEMORY = 0.8
"""Share of the past in the running means of how long the stages take."""


class TwoStageWorker(Generic[Job, Half]):
    """Runs ``begin(job)`` on the newest job, then ``finish(job, half)`` on what came of it.

    A newer job replaces one that has not begun. A job begins as late as it can without keeping the
    second stage waiting, judged by how long both took so far: what is begun too early grows old
    between the stages.

    Args:
        begin: called for each job that is taken; returns None if there is nothing to finish.
        finish: called with a job and what ``begin`` returned.
        on_replaced: called with a job that a newer one has replaced before it began.
        on_error: called with the job and the exception that a stage raised; the worker goes on.
        name: name of the threads.
        overlap: begin a job while another is finished; otherwise each has the processor alone.
    """

    def __init__(
        self,
        begin: Callable[[Job], Half | None],
        finish: Callable[[Job, Half], None],
        on_replaced: Callable[[Job], None],
        on_error: Callable[[Job, Exception], None],
        name: str = 'worker',
        overlap: bool = True,
    ) -> None:
        """Start the threads."""
        self._overlap = overlap
        self._begin, self._finish = begin, finish
        self._on_replaced, self._on_error = on_replaced, on_error
        self._changed = threading.Condition()
        self._waiting: Job | None = None
        self._half: tuple[Job, Half] | None = None
        self._begin_seconds = self._finish_seconds = 0.0
        self._finishing_since: float | None = None
        self._stopping = self._all_begun = False
        self._threads = [
            threading.Thread(target=target, name=f'{name}_{stage}', daemon=True)
            for stage, target in (('begin', self._run_begin), ('finish', self._run_finish))
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job) -> None:
        """Hand over a job without waiting."""
        with self._changed:
            replaced, self._waiting = self._waiting, job
            self._changed.notify_all()
        if replaced is not None:
            self._on_replaced(replaced)

    def stop(self, timeout: float = 30.0) -> None:
        """Finish the jobs in hand, count a waiting one as replaced and end the threads.

        Args:
            timeout: how long to wait for the jobs in hand, seconds.
        """
        end = time.monotonic() + timeout
        with self._changed:
            self._stopping = True
            replaced, self._waiting = self._waiting, None
            self._changed.notify_all()
        if replaced is not None:
            self._on_replaced(replaced)
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _run_begin(self) -> None:
        try:
            while (job := self._next_job()) is not None:
                self._begin_one(job)
                del job  # an image is large, and the next one may be long in coming
        finally:
            with self._changed:
                self._all_begun = True
                self._changed.notify_all()

    def _begin_one(self, job: Job) -> None:
        started = time.monotonic()
        try:
            half = self._begin(job)
        except Exception as error:  # a node must not die of one bad input
            self._on_error(job, error)
            return
        if half is None:
            return
        with self._changed:
            self._begin_seconds = _mean(self._begin_seconds, time.monotonic() - started)
            self._changed.wait_for(lambda: self._finishing_since is None)
            self._half, self._finishing_since = (job, half), time.monotonic()
            self._changed.notify_all()

    def _next_job(self) -> Job | None:
        """Wait until the newest job is due and take it; None at the end."""
        with self._changed:
            while not self._stopping:
                patience = self._patience()
                if self._waiting is not None and patience <= 0:
                    job, self._waiting = self._waiting, None
                    return job
                endless = self._waiting is None or patience == math.inf
                self._changed.wait(None if endless else patience)
            return None

    def _patience(self) -> float:
        """Return the seconds after which a job that begins meets an idle second stage."""
        if self._finishing_since is None:
            return 0.0
        if not self._overlap:
            return math.inf
        free = self._finishing_since + self._finish_seconds
        return free - self._begin_seconds - time.monotonic()

    def _run_finish(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._half is not None or self._all_begun)
                if self._half is None:
                    return
                begun, self._half = self._half, None
            try:
                self._finish_one(*begun)
            finally:
                del begun
                with self._changed:
                    took = time.monotonic() - self._finishing_since
                    self._finish_seconds = _mean(self._finish_seconds, took)
                    self._finishing_since = None
                    self._changed.notify_all()

    def _finish_one(self, job: Job, half: Half) -> None:
        try:
            self._finish(job, half)
        except Exception as error:  # a node must not die of one bad input
            self._on_error(job, error)


def _mean(mean: float, newest: float) -> float:
    return _MEMORY * mean + (1 - _MEMORY) * newest
