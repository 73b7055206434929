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

"""Processes of one run that begin with the first one's weights."""

import os
from pathlib import Path
import subprocess
import sys

from lightning.pytorch import LightningModule, Trainer
import torch
from torch import nn

from emiff_ros.training.shared_start import SharedStart

ROOT = Path(__file__).parents[2]
TWO_PROCESSES = """
from pathlib import Path
import sys

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import EMAWeightAveraging
import torch
from torch import nn

from emiff_ros.training.shared_start import SharedStart, is_first_process


class Network(LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(1, 1)
        nn.init.constant_(self.layer.weight, 1.0 if is_first_process() else 2.0)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.0)

    def training_step(self, batch, index):
        return self.layer(batch[0]).sum()

    def on_fit_start(self):
        average = self.trainer.callbacks[1]._average_model.module
        both = self.layer.weight.item(), average.layer.weight.item()
        Path(sys.argv[1], str(self.global_rank)).write_text(str(both))


trainer = Trainer(
    accelerator='cpu', devices=2, strategy='ddp', max_steps=1, logger=False,
    enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    callbacks=[SharedStart(), EMAWeightAveraging(decay=0.9)],
)
data = torch.utils.data.TensorDataset(torch.ones(2, 1))
trainer.fit(Network(), torch.utils.data.DataLoader(data))
"""


def test_all_processes_begin_with_the_weights_of_the_first(tmp_path):
    """The average, which Lightning copies before PyTorch shares anything, begins with them too."""
    script, found = tmp_path / 'two.py', tmp_path / 'found'
    script.write_text(TWO_PROCESSES)
    found.mkdir()
    variables = {**os.environ, 'PYTHONPATH': str(ROOT), 'OMP_NUM_THREADS': '1'}
    done = subprocess.run(
        [sys.executable, script, found],
        env=variables,
        capture_output=True,
        text=True,
        timeout=900.0,
    )
    assert done.returncode == 0, done.stderr
    assert {path.name: path.read_text() for path in found.iterdir()} == {
        '0': '(1.0, 1.0)',
        '1': '(1.0, 1.0)',
    }


def test_a_process_alone_keeps_its_weights():
    network = LightningModule()
    network.layer = nn.Linear(2, 2)
    before = network.layer.weight.clone()
    SharedStart().setup(Trainer(accelerator='cpu', devices=1, logger=False), network, 'fit')
    assert torch.equal(network.layer.weight, before)
