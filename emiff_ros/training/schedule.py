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

"""Learning-rate schedules over the progress of a run, counted in steps or in minutes."""

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ScheduleConfig(BaseModel):
    """Course of the learning rate.

    Attributes:
        kind: ``steps`` multiplies by ``factor`` at each milestone (the paper: after epochs 8 and
            11 of 12); ``cosine`` falls from 1 to ``final_factor`` along half a cosine.
        warm_up: share of the run with a linear rise from ``start_factor``; 0 for none.
        start_factor: learning rate at the first step, as a share of the full one.
        milestones: as shares of the run.
        factor: of each milestone.
        final_factor: where the cosine ends.
    """

    model_config = ConfigDict(frozen=True, extra='forbid')

    kind: Literal['steps', 'cosine'] = 'steps'
    warm_up: float = Field(0.0, ge=0.0, lt=1.0)
    start_factor: float = Field(0.05, gt=0.0, le=1.0)
    milestones: tuple[float, ...] = (8 / 12, 11 / 12)
    factor: float = Field(0.1, gt=0.0, le=1.0)
    final_factor: float = Field(0.01, gt=0.0, le=1.0)


def learning_rate_factor(config: ScheduleConfig, progress: float) -> float:
    """Return the share of the full learning rate at ``progress``, 0 (start) to 1 (end)."""
    progress = min(max(progress, 0.0), 1.0)
    if progress < config.warm_up:
        rise = progress / config.warm_up
        return config.start_factor + (1.0 - config.start_factor) * rise
    if config.kind == 'steps':
        # Rounding must not delay a milestone by a step.
        passed = sum(progress >= milestone - 1e-9 for milestone in config.milestones)
        return config.factor**passed
    phase = (progress - config.warm_up) / (1.0 - config.warm_up)
    cosine = 0.5 * (1.0 + math.cos(math.pi * phase))
    return config.final_factor + (1.0 - config.final_factor) * cosine
