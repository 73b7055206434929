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

"""Recording stages."""

import threading

import torch

from emiff_ros.model.recorder import StageRecorder, is_recording, record


def test_nothing_is_kept_without_a_recorder():
    tensor = torch.ones(2)
    assert record('stage', tensor) is tensor
    assert not is_recording()


def test_stages_are_copies_and_repeats_are_numbered():
    tensor = torch.ones(2, requires_grad=True)
    with StageRecorder() as recorder:
        assert is_recording()
        for _ in range(3):
            record('stage', tensor)
    with torch.no_grad():
        tensor.zero_()
    assert list(recorder.stages) == ['stage', 'stage#2', 'stage#3']
    assert recorder.stages['stage'].tolist() == [1, 1]
    assert not recorder.stages['stage'].requires_grad


def test_recorders_nest_and_end_with_their_block():
    with StageRecorder() as outer:
        with StageRecorder() as inner:
            record('inner', torch.ones(1))
        record('outer', torch.ones(1))
    record('after', torch.ones(1))
    assert list(inner.stages) == ['inner']
    assert list(outer.stages) == ['outer']


def test_other_threads_are_not_recorded():
    with StageRecorder() as recorder:
        thread = threading.Thread(target=record, args=('elsewhere', torch.ones(1)))
        thread.start()
        thread.join()
    assert recorder.stages == {}
