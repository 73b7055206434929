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

"""Training and validation data as a Lightning data module."""

from functools import partial

from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader, Subset

from emiff_ros.model.config import EmiffConfig
from emiff_ros.spread import evenly_spread
from emiff_ros.training.batch import collate
from emiff_ros.training.config import TrainingConfig
from emiff_ros.training.dataset import CooperativeDataset
from emiff_ros.training.sampler import SeededBatchSampler

_VALIDATION_BATCH = 4


class CooperativeDataModule(LightningDataModule):
    """Batches of two data sets.

    Args:
        training_set: with random changes.
        validation_set: without; None trains without validation.
        model: configuration of the network.
        training: configuration of the run.
        workers: processes that load data; 0 loads in the training process.
    """

    def __init__(
        self,
        training_set: CooperativeDataset,
        validation_set: CooperativeDataset | None,
        model: EmiffConfig,
        training: TrainingConfig,
        workers: int = 0,
    ) -> None:
        """See the class."""
        super().__init__()
        self.training_set = training_set
        self.validation_set = validation_set
        self.training = training
        self.workers = workers
        self._model = model
        self._collate = partial(collate, model=model)

    @property
    def _process(self) -> tuple[int, int]:
        """Rank of this process and number of processes."""
        return self.trainer.global_rank, self.trainer.world_size

    @property
    def _roadside_dropout(self) -> float:
        """Share of batches without roadside view; 0 for a network that has one side alone."""
        both = self._model.has_vehicle and self._model.has_infrastructure
        return self.training.augmentation.roadside_dropout if both else 0.0

    def train_dataloader(self) -> DataLoader:
        """Return the training batches of this process."""
        sampler = SeededBatchSampler(
            len(self.training_set),
            self.training.batch_size,
            self.training.repeat,
            self.training.seed,
            self._roadside_dropout,
            *self._process,
        )
        return DataLoader(
            self.training_set,
            batch_sampler=sampler,
            num_workers=self.workers,
            collate_fn=self._collate,
            persistent_workers=self.workers > 0,
        )

    def val_dataloader(self) -> DataLoader | list:
        """Return this process's part of the configured number of pairs, spread evenly.

        Raises:
            ValueError: if there is no pair for one of the processes, for which all would wait.
        """
        if self.validation_set is None:
            return []
        chosen = evenly_spread(range(len(self.validation_set)), self.training.validation.pairs)
        rank, processes = self._process
        if len(chosen) < processes:
            raise ValueError(
                f'{len(chosen)} validation pairs cannot be shared by {processes} devices; give '
                'more data, raise validation.pairs or take fewer devices'
            )
        chosen = chosen[rank::processes]
        return DataLoader(
            Subset(self.validation_set, chosen),
            batch_size=_VALIDATION_BATCH,
            num_workers=self.workers,
            collate_fn=self._collate,
        )
