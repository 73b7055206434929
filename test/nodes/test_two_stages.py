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
from types import SimpleNamespace

import pytest

from emiff_ros.nodes import two_stages
from emiff_ros.nodes.two_stages import TwoStageWorker

LIMIT = 10


class Recorder:
    """Both stages wait until they are let go on."""

    def __init__(self):
        self.begun, self.finishing = threading.Semaphore(0), threading.Semaphore(0)
        self.let_begin, self.let_finish = threading.Semaphore(0), threading.Semaphore(0)
        self.done, self.replaced, self.failed = [], [], []
        self.threads = {}

    def begin(self, job):
        self.begun.release()
        self.threads[job] = [threading.current_thread().name]
        assert self.let_begin.acquire(timeout=LIMIT)
        if job == 'bad':
            raise RuntimeError('bad job')
        return None if job == 'refused' else f'half of {job}'

    def finish(self, job, half):
        self.finishing.release()
        self.threads[job].append(threading.current_thread().name)
        assert self.let_finish.acquire(timeout=LIMIT)
        if job == 'bad end':
            raise RuntimeError('bad end')
        self.done.append((job, half))

    def worker(self, overlap=True):
        return TwoStageWorker(
            self.begin,
            self.finish,
            self.replaced.append,
            lambda job, error: self.failed.append((job, str(error))),
            'eyes',
            overlap,
        )


def passed(semaphore):
    return semaphore.acquire(timeout=LIMIT)


def test_the_next_job_begins_while_one_is_finished():
    recorder = Recorder()
    worker = recorder.worker()
    recorder.let_begin.release(2)
    worker.submit('first')
    assert passed(recorder.begun)
    assert passed(recorder.finishing)
    worker.submit('second')
    assert passed(recorder.begun)
    assert not recorder.done
    recorder.let_finish.release(2)
    worker.stop()
    assert recorder.done == [('first', 'half of first'), ('second', 'half of second')]
    assert sorted(recorder.threads.values()) == [['eyes_0'] * 2, ['eyes_1'] * 2]


def test_a_newer_job_replaces_one_that_has_not_begun():
    recorder = Recorder()
    worker = recorder.worker()
    worker.submit(1)
    assert passed(recorder.begun)
    worker.submit(2)
    worker.submit(3)
    recorder.let_begin.release(2)
    recorder.let_finish.release(2)
    assert passed(recorder.begun)
    worker.stop()
    assert [job for job, _ in recorder.done] == [1, 3]
    assert recorder.replaced == [2]


def test_no_job_begins_long_before_it_can_be_finished(monkeypatch):
    now = 0.0
    monkeypatch.setattr(two_stages, '_MEMORY', 0.0)
    monkeypatch.setattr(two_stages, 'time', SimpleNamespace(monotonic=lambda: now))
    recorder = Recorder()
    worker = recorder.worker()
    worker.submit('slow')
    recorder.let_begin.release(3)
    assert passed(recorder.finishing)
    assert passed(recorder.begun)
    now = 2.0  # how long it takes to finish is what the worker learns from
    recorder.let_finish.release()
    worker.submit('second')
    assert passed(recorder.finishing)
    assert passed(recorder.begun)
    worker.submit('too old')
    assert not recorder.begun.acquire(timeout=0.2)
    worker.submit('newest')
    assert recorder.replaced == ['too old']
    recorder.let_finish.release(2)
    assert passed(recorder.finishing)
    worker.stop()
    assert [job for job, _ in recorder.done] == ['slow', 'second', 'newest']


def test_no_third_job_begins_before_the_first_one_is_finished():
    recorder = Recorder()
    worker = recorder.worker()
    recorder.let_begin.release(3)
    worker.submit('first')
    assert passed(recorder.finishing)
    worker.submit('second')
    assert passed(recorder.begun) and passed(recorder.begun)
    worker.submit('too old')
    worker.submit('newest')
    assert not recorder.begun.acquire(timeout=0.2)
    recorder.let_finish.release(3)
    assert passed(recorder.begun)
    worker.stop()
    assert [job for job, _ in recorder.done] == ['first', 'second', 'newest']
    assert recorder.replaced == ['too old']


def test_without_overlap_nothing_begins_before_the_last_job_is_finished():
    recorder = Recorder()
    worker = recorder.worker(overlap=False)
    recorder.let_begin.release(2)
    worker.submit('first')
    assert passed(recorder.finishing)
    assert passed(recorder.begun)
    worker.submit('second')
    worker.submit('third')
    assert recorder.replaced == ['second']
    recorder.let_finish.release(2)
    assert passed(recorder.begun)
    worker.stop()
    assert [job for job, _ in recorder.done] == ['first', 'third']


@pytest.mark.parametrize(('job', 'failed'), [('bad', True), ('bad end', True), ('refused', False)])
def test_it_lives_on_after_a_job_without_result(job, failed):
    recorder = Recorder()
    worker = recorder.worker()
    recorder.let_begin.release(2)
    recorder.let_finish.release(2)
    worker.submit(job)
    assert passed(recorder.begun)
    worker.submit('good')
    assert passed(recorder.begun)
    worker.stop()
    assert recorder.failed == ([(job, job if job == 'bad end' else 'bad job')] if failed else [])
    assert recorder.done == [('good', 'half of good')]


def test_stop_finishes_what_has_begun():
    recorder = Recorder()
    worker = recorder.worker()
    worker.submit('begun')
    assert passed(recorder.begun)
    worker.submit('waiting')
    recorder.let_begin.release()
    recorder.let_finish.release()
    worker.stop()
    assert recorder.done == [('begun', 'half of begun')]
    assert recorder.replaced == ['waiting']


def test_stop_waits_no_longer_than_it_is_told():
    recorder = Recorder()
    worker = recorder.worker()
    worker.submit('stuck')
    assert passed(recorder.begun)
    worker.stop(0.1)
    assert not recorder.done
    recorder.let_begin.release()
    recorder.let_finish.release()
    assert passed(recorder.finishing)


@pytest.mark.filterwarnings('ignore::pytest.PytestUnhandledThreadExceptionWarning')
@pytest.mark.parametrize('stage', ['begin', 'finish'])
def test_it_ends_even_if_an_error_cannot_be_reported(stage):
    def fail(*_):
        raise RuntimeError('again')

    stages = {'begin': lambda job: job, 'finish': lambda job, half: None} | {stage: fail}
    worker = TwoStageWorker(stages['begin'], stages['finish'], print, on_error=fail)
    worker.submit('job')
    worker.stop(LIMIT)
    assert not any(thread.is_alive() for thread in worker._threads)
