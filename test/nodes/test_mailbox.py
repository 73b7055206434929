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

import threading

from emiff_ros.nodes.mailbox import LatestJobWorker


class Recorder:
    def __init__(self):
        self.begun = threading.Semaphore(0)
        self.release = threading.Semaphore(0)
        self.done, self.replaced, self.failed = [], [], []

    def work(self, job):
        self.begun.release()
        assert self.release.acquire(timeout=10)
        if job == 'bad':
            raise RuntimeError('bad job')
        self.done.append(job)

    def worker(self):
        return LatestJobWorker(
            self.work,
            self.replaced.append,
            lambda job, error: self.failed.append((job, str(error))),
        )


def test_a_newer_job_replaces_one_that_has_not_begun():
    recorder = Recorder()
    worker = recorder.worker()
    worker.submit(1)
    assert recorder.begun.acquire(timeout=10)
    worker.submit(2)
    worker.submit(3)
    recorder.release.release(2)
    assert recorder.begun.acquire(timeout=10)
    worker.stop()
    assert recorder.done == [1, 3]
    assert recorder.replaced == [2]


def test_it_lives_on_after_an_error():
    recorder = Recorder()
    recorder.release.release(2)
    worker = recorder.worker()
    worker.submit('bad')
    assert recorder.begun.acquire(timeout=10)
    worker.submit('good')
    assert recorder.begun.acquire(timeout=10)
    worker.stop()
    assert recorder.failed == [('bad', 'bad job')]
    assert recorder.done == ['good']


def test_stop_counts_the_waiting_job_as_replaced():
    recorder = Recorder()
    worker = recorder.worker()
    worker.submit(1)
    assert recorder.begun.acquire(timeout=10)
    worker.submit(2)
    recorder.release.release()
    worker.stop()
    assert recorder.done == [1]
    assert recorder.replaced == [2]
