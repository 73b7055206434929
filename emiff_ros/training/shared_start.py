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

"""The same weights in all processes of a run, before the first step.

What is learned before the run proper need be learned once. PyTorch gives all processes the first
one's weights too, but only after the moving average has copied those that each has.
"""

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.utilities import rank_zero_only


def is_first_process() -> bool:
    """Tell whether this is the first process of a run, from the environment that it began in.

    On one machine Lightning starts the others, with the same command, only when ``fit`` begins.
    """
    return rank_zero_only.rank == 0


class SharedStart(Callback):
    """Give every process the first one's weights; comes before callbacks that copy them."""

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Exchange the weights; Lightning calls this once the processes know each other."""
        if trainer.world_size > 1:
            pl_module.load_state_dict(trainer.strategy.broadcast(pl_module.state_dict()))
