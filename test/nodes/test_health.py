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

"""The parts of the diagnostics that need no node."""

import numpy as np
import pytest
import torch

from emiff_ros.matching.counters import StationCounters
from emiff_ros.nodes import memory
from emiff_ros.nodes.counted_source import CountedSource
from emiff_ros.nodes.counter_window import WINDOW, CounterWindow
from emiff_ros.nodes.diagnostics import ERROR, OK, WARN, DiagnosticsReporter, status
from emiff_ros.nodes.input_meter import InputMeter
from emiff_ros.nodes.processing_time import ProcessingBudget, Stopwatch
from emiff_ros.nodes.refusal import Refusal
from emiff_ros.nodes.station_health import flat


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_a_window_forgets_what_happened_before_it():
    clock = Clock()
    window = CounterWindow(4.0, clock)
    counts = {'received': 0, 'refused.late': 0}
    for second in range(1, 11):
        clock.now += 1
        counts['received'] += 2
        counts['refused.late'] += second <= 3
        gain = window.update(counts)
        assert gain.rate('received') == pytest.approx(2.0)
        assert gain['refused.late'] == max(min(second, 3, 7 - second), 0)
    assert gain.causes() == ''
    assert gain['unknown'] == 0
    counts['refused.late'] += 2
    assert window.update(counts).causes() == 'late (2)'


@pytest.mark.parametrize(
    ('silence', 'level'), [(0.5, OK), (1.5, WARN), (4.9, WARN), (5.1, ERROR), (600.0, ERROR)]
)
def test_an_input_is_late_after_its_timeout(silence, level):
    clock = Clock()
    meter = InputMeter('/image', clock=clock)
    clock.now += silence
    assert meter.status(1.0).level == level
    meter.tick()
    assert meter.status(1.0).level == OK
    clock.now += silence
    assert meter.status(1.0).level == level


def test_what_is_not_needed_is_not_missed():
    clock, needed = Clock(), [False]
    meter = InputMeter('/odometry', needed=lambda: needed[0], clock=clock)
    clock.now += 60
    assert meter.status(1.0).level == OK
    needed[0] = True
    assert meter.status(1.0).level == ERROR


@pytest.mark.parametrize('delay', [86_400.0, -86_400.0])
def test_stamps_of_another_day_are_a_hint_at_the_clock(delay):
    meter = InputMeter('/image')
    meter.tick(delay)
    answer = meter.status(1.0)
    assert answer.level == WARN
    assert 'use_sim_time' in answer.message
    meter.tick(0.1)
    assert meter.status(1.0).level == OK


def test_a_budget_needs_persistence_to_become_an_error():
    clock = Clock()
    budget = ProcessingBudget(clock)
    assert budget.status(0.1, 2.0).level == OK

    def after(seconds, taken):
        clock.now += seconds
        budget.record(taken, 0.1)
        return budget.status(0.1, 2.0).level

    assert after(0.5, 0.05) == OK
    assert after(0.5, 0.15) == WARN
    assert after(1.0, 0.15) == WARN
    assert after(1.5, 0.15) == ERROR
    assert after(0.5, 0.05) == OK
    assert after(0.5, 0.15) == WARN
    clock.now += WINDOW + 1
    answer = budget.status(0.1, 2.0)
    assert answer.level == OK
    assert 'no result' in answer.message
    assert after(0.5, 0.15) == WARN
    assert after(3600.0, 0.15) == WARN
    assert after(2.5, 0.15) == ERROR


def test_a_stopwatch_keeps_laps_apart():
    watch = Stopwatch()
    watch.lap('first')
    np.linalg.inv(np.eye(200))
    watch.lap('second')
    assert list(watch.laps) == ['first', 'second']
    assert 0 <= watch.laps['first'] < 1e3 * 60
    assert watch.laps['second'] > 0


def test_memory_is_compared_with_its_limit(monkeypatch):
    assert memory.memory_status(0).level == OK
    assert memory.memory_status(1).level == WARN
    assert not torch.cuda.is_initialized()
    monkeypatch.setattr(memory, 'resident_bytes', lambda: None)
    answer = memory.memory_status(1)
    assert answer.level == OK
    assert 'does not tell' in answer.message


def test_memory_is_unknown_without_proc(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, '_STATM', tmp_path / 'nothing')
    assert memory.resident_bytes() is None


def test_a_source_counts_its_failures():
    answers = [1, Refusal('no_pose', 'nothing there'), Refusal('no_pose', 'again')]

    class Moody:
        name = 'moody'

        def at(self, stamp, timeout):
            answer = answers.pop(0)
            if isinstance(answer, Refusal):
                raise answer
            return answer

    source = CountedSource(Moody())
    assert source.at(5) == 1
    assert source.status().level == OK
    for _ in range(2):
        with pytest.raises(Refusal):
            source.at(6)
    answer = source.status()
    assert answer.level == WARN
    assert 'again' in answer.message
    values = {item.key: item.value for item in answer.values}
    assert values['failed'] == values['failed.no_pose'] == '2'


def test_counters_by_name_keep_the_causes():
    counters = StationCounters(received=3, fused=1, refused_by_cause={'late': 2})
    values = flat(counters)
    assert values['received'] == values['fused'] + values['refused.late']
    assert values['refused'] == 2


def test_a_task_that_fails_is_reported_and_the_others_are_heard(world):
    sent = []
    reporter = DiagnosticsReporter(world.node)
    reporter._publisher.publish = sent.append

    def broken():
        raise KeyError('lost')

    reporter.add('broken', broken)
    reporter.add('sound', lambda: status(OK, 'fine'))
    reporter.add_group(broken)
    reporter.report()
    levels = {entry.name: (entry.level, entry.message) for entry in sent[-1].status}
    assert levels['/world: sound'] == (OK, 'fine')
    assert levels['/world: broken'] == (ERROR, "KeyError: 'lost'")
