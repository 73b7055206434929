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

"""Work in two stages: the next job begins on one thread while another thread finishes the last."""

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

    Each stage works on one job at a time. A job stays on the thread that began it: to wake another
    one takes a tenth of a millisecond.

    Args:
        begin: called for each job that is taken; returns None if there is nothing to finish.
        finish: called with a job and what ``begin`` returned.
        on_replaced: called with a job that a newer one has replaced before it began.
        on_error: called with the job and the exception that a stage raised; the worker goes on.
        name: name of the threads, with a number behind it.
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
        self._begin, self._finish = begin, finish
        self._on_replaced, self._on_error = on_replaced, on_error
        lock = threading.Lock()
        self._may_begin, self._may_finish = threading.Condition(lock), threading.Condition(lock)
        self._waiting: Job | None = None
        self._begin_seconds = self._finish_seconds = 0.0
        self._finishing_since: float | None = None
        self._stopping = self._beginning = False
        self._threads = [
            threading.Thread(target=self._run, name=f'{name}_{number}', daemon=True)
            for number in range(2 if overlap else 1)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job) -> None:
        """Hand over a job without waiting."""
        with self._may_begin:
            replaced, self._waiting = self._waiting, job
            self._may_begin.notify()
        if replaced is not None:
            self._on_replaced(replaced)

    def stop(self, timeout: float = 30.0) -> None:
        """Finish the jobs in hand, count a waiting one as replaced and end the threads.

        Args:
            timeout: how long to wait for the jobs in hand, seconds.
        """
        end = time.monotonic() + timeout
        with self._may_begin:
            self._stopping = True
            replaced, self._waiting = self._waiting, None
            self._may_begin.notify_all()
        if replaced is not None:
            self._on_replaced(replaced)
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _run(self) -> None:
        while (job := self._next_job()) is not None:
            half = self._begin_one(job)
            if half is not None:
                self._finish_one(job, half)
            del job, half  # an image is large, and the next one may be long in coming

    def _next_job(self) -> Job | None:
        """Wait until the newest job is due and take it; None at the end."""
        with self._may_begin:
            while not self._stopping:
                patience = self._patience()
                if patience <= 0:
                    job, self._waiting, self._beginning = self._waiting, None, True
                    return job
                self._may_begin.wait(None if patience == math.inf else patience)
            return None

    def _patience(self) -> float:
        """Return the seconds after which a job that begins meets an idle second stage."""
        if self._waiting is None or self._beginning:
            return math.inf
        if self._finishing_since is None:
            return 0.0
        free = self._finishing_since + self._finish_seconds
        return free - self._begin_seconds - time.monotonic()

    def _begin_one(self, job: Job) -> Half | None:
        """Return what is to be finished, once nothing else is."""
        started, half = time.monotonic(), None
        try:
            half = self._begin(job)
        except Exception as error:  # a node must not die of one bad input
            self._on_error(job, error)
        finally:
            with self._may_finish:
                if half is not None:
                    self._begin_seconds = _mean(self._begin_seconds, time.monotonic() - started)
                    self._may_finish.wait_for(lambda: self._finishing_since is None)
                    self._finishing_since = time.monotonic()
                self._beginning = False
                self._may_begin.notify()
        return half

    def _finish_one(self, job: Job, half: Half) -> None:
        try:
            self._finish(job, half)
        except Exception as error:  # a node must not die of one bad input
            self._on_error(job, error)
        finally:
            with self._may_finish:
                took = time.monotonic() - self._finishing_since
                self._finish_seconds = _mean(self._finish_seconds, took)
                self._finishing_since = None
                self._may_finish.notify()
                self._may_begin.notify()


def _mean(mean: float, newest: float) -> float:
    return _MEMORY * mean + (1 - _MEMORY) * newest
