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

"""Programs of OpenVINO: results, layouts, threads, and what they refuse."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import torch
from torch import nn

from emiff_ros.acceleration.openvino_program import OpenVinoProgram


@pytest.fixture
def convolution():
    torch.manual_seed(5)
    return nn.Conv2d(3, 4, 3, 1, 1).requires_grad_(False)


def map_of(seed, *shape):
    return torch.randn(1, *shape, generator=torch.Generator().manual_seed(seed))


def close(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize('layout', [torch.contiguous_format, torch.channels_last])
def test_maps_of_any_layout_are_taken(convolution, layout):
    program = OpenVinoProgram(lambda x: [convolution(x)])
    x = map_of(0, 3, 6, 8).contiguous(memory_format=layout)
    ours = program(x)[0]
    close(ours, convolution(x))
    assert ours.is_contiguous(memory_format=torch.channels_last)


def test_several_maps_go_in_and_come_out_in_order(convolution):
    program = OpenVinoProgram(lambda x, y: [convolution(x) + y, y - convolution(x)])
    x, y = map_of(1, 3, 6, 8), map_of(2, 4, 6, 8)
    total, difference = program(x, y)
    close(total, convolution(x) + y)
    close(difference, y - convolution(x))


def test_what_is_computed_in_place_stays_inside(convolution):
    program = OpenVinoProgram(lambda x: [x.relu_(), convolution(x)])
    x = map_of(3, 3, 6, 8).contiguous(memory_format=torch.channels_last)  # taken without a copy
    before = x.clone()
    rectified, convolved = program(x)
    assert torch.equal(x, before)
    close(rectified, before.relu())
    close(convolved, convolution(before.relu()))


def test_results_are_the_callers_own(convolution):
    program = OpenVinoProgram(lambda x: [convolution(x)])
    first = program(map_of(4, 3, 6, 8))[0]
    kept = first.clone()
    program(map_of(5, 3, 6, 8))
    assert torch.equal(first, kept)


def test_it_runs_in_inference_mode_and_outside(convolution):
    program = OpenVinoProgram(lambda x: [convolution(x)])
    with torch.inference_mode():
        inside = program(map_of(6, 3, 6, 8))[0]
    assert torch.equal(program(map_of(6, 3, 6, 8))[0], inside)


def test_many_threads_may_call_it(convolution):
    program = OpenVinoProgram(lambda x: [convolution(x)])
    maps = [map_of(seed, 3, 30, 40) for seed in range(60)]
    with ThreadPoolExecutor(6) as threads:
        for ours, x in zip(threads.map(program, maps), maps, strict=True):
            close(ours[0], convolution(x))


def test_several_programs_may_be_compiled_at_once(convolution):
    programs = [OpenVinoProgram(lambda x, k=k: [k * convolution(x)]) for k in range(1, 7)]
    x, together = map_of(9, 3, 30, 40), Barrier(len(programs))

    def first_call(program):
        together.wait()
        return program(x)[0]

    with ThreadPoolExecutor(len(programs)) as threads:
        for factor, ours in enumerate(threads.map(first_call, programs), start=1):
            close(ours, factor * convolution(x))
    close(nn.Sequential(convolution)(x), convolution(x))  # modules are called as before


def test_gradients_stop_at_it(convolution):
    program = OpenVinoProgram(lambda x: [convolution(x)])
    assert not program(map_of(10, 3, 6, 8).requires_grad_())[0].requires_grad


def test_what_it_runs_can_be_told(convolution):
    program = OpenVinoProgram(lambda x: [convolution(x)])
    assert program.executed == {}
    program(map_of(11, 3, 6, 8))
    assert len(program.executed['Convolution']) == 1


def test_another_shape_is_refused_and_harms_nothing(convolution):
    program = OpenVinoProgram(lambda x: [convolution(x)])
    x = map_of(7, 3, 6, 8)
    program(x)
    with pytest.raises(ValueError, match=r'shapes \[\[1, 8, 6, 3\]\] .* \[\[1, 6, 8, 3\]\]'):
        program(map_of(7, 3, 8, 6))
    close(program(x)[0], convolution(x))


def test_a_function_that_fails_can_be_called_again(convolution):
    failures = [ValueError('not yet')]

    def function(x):
        if failures:
            raise failures.pop()
        return [convolution(x)]

    program, x = OpenVinoProgram(function), map_of(8, 3, 6, 8)
    with pytest.raises(ValueError, match='not yet'):
        program(x)
    close(program(x)[0], convolution(x))
