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

"""Learning-rate schedules at their corners."""

from pathlib import Path

import pytest

from emiff_ros.training.config import TrainingConfig
from emiff_ros.training.schedule import ScheduleConfig, learning_rate_factor


def test_paper_drops_after_epochs_8_and_11():
    config = ScheduleConfig()
    factors = [learning_rate_factor(config, epoch / 12) for epoch in range(12)]
    assert factors == pytest.approx([1.0] * 8 + [0.1] * 3 + [0.01])


def test_the_shipped_paper_configuration_drops_exactly_then():
    path = Path(__file__).parents[2] / 'config' / 'training' / 'paper.yaml'
    config, steps = TrainingConfig.from_yaml(path).schedule, 12 * 7155
    at = [learning_rate_factor(config, step / steps) for step in (8 * 7155 - 1, 8 * 7155)]
    assert at == pytest.approx([1.0, 0.1])
    assert learning_rate_factor(config, 11 * 7155 / steps) == pytest.approx(0.01)


def test_cosine_with_warm_up():
    config = ScheduleConfig(kind='cosine', warm_up=0.1, start_factor=0.2, final_factor=0.02)
    factor = [learning_rate_factor(config, progress) for progress in (0, 0.05, 0.1, 0.55, 1.0)]
    assert factor == pytest.approx([0.2, 0.6, 1.0, 0.51, 0.02])
    falling = [learning_rate_factor(config, 0.1 + 0.09 * step) for step in range(11)]
    assert falling == sorted(falling, reverse=True)


def test_overtime_stays_at_the_end():
    config = ScheduleConfig(kind='cosine', final_factor=0.02)
    assert learning_rate_factor(config, 1.7) == pytest.approx(0.02)
