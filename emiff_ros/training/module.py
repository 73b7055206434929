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

"""The training step, validation and schedule of EMIFF as a Lightning module."""

import time
from typing import Any

from lightning.pytorch import LightningModule
import torch
from torch import Tensor
from torch.optim import Optimizer

from emiff_ros.dair.evaluation import FrameResult
from emiff_ros.model.channels_last import put_channels_last
from emiff_ros.model.config import EmiffConfig
from emiff_ros.model.emiff import Emiff, InfrastructureView
from emiff_ros.training.batch import Batch
from emiff_ros.training.config import TrainingConfig
from emiff_ros.training.image_supervision import ImageSupervision
from emiff_ros.training.losses import detection_loss
from emiff_ros.training.optimizer import make_optimizer, set_learning_rate
from emiff_ros.training.parts import NORMS, freeze_all_but, keep_frozen_norms
from emiff_ros.training.schedule import learning_rate_factor
from emiff_ros.training.targets import AnchorAssigner
from emiff_ros.training.validation import average_precisions, predict

_ELAPSED = 'elapsed_seconds'


class EmiffModule(LightningModule):
    """Trains one network.

    The learning rate follows the progress of the run: optimiser steps out of the planned number,
    or, with a time budget, minutes out of it. Progress is part of the checkpoints. With
    ``train_parts`` the other parts are frozen, batch norms included.

    Args:
        model: configuration of the network.
        training: configuration of the run.
        max_minutes: time budget; the run ends when it is used up. None plans by epochs.
    """

    def __init__(
        self, model: EmiffConfig, training: TrainingConfig, max_minutes: float | None = None
    ) -> None:
        """See the class."""
        super().__init__()
        self.model = Emiff(model)
        if training.channels_last:
            put_channels_last(self.model)
        self.training_config = training
        if training.train_parts is not None:
            freeze_all_but(self.model, training.train_parts)
        # What the image loss teaches are the encoders.
        supervised = training.loss.image_weight and training.train_parts is None
        self.image_supervision = ImageSupervision(model.fpn_channels) if supervised else None
        self.max_minutes = max_minutes
        self._assigner = AnchorAssigner(self.model.anchors(), training.assigner)
        self._elapsed_before = 0.0
        self._started: float | None = None
        self._progress = 0.0
        self._fused_results: list[FrameResult] = []
        self._vehicle_results: list[FrameResult] = []

    @property
    def elapsed(self) -> float:
        """Return the seconds trained so far, those before a resume included."""
        running = 0.0 if self._started is None else time.monotonic() - self._started
        return self._elapsed_before + running

    @property
    def progress(self) -> float:
        """Return the share of the run that is done, the same in all processes."""
        if self.max_minutes is not None:
            share = min(self.elapsed / (60.0 * self.max_minutes), 1.0)
            return self.trainer.strategy.broadcast(share)
        planned = self.training_config.max_steps
        if planned is None:
            planned = self.trainer.num_training_batches * self.training_config.epochs
        return min(self.global_step / planned, 1.0)

    def configure_optimizers(self) -> Optimizer:
        """Return AdamW; the schedule sets its rates step by step."""
        return make_optimizer(self, self.training_config.optimizer)

    def on_fit_start(self) -> None:
        """Start the clock of the time budget."""
        self._started = time.monotonic()

    def on_train_start(self) -> None:
        """End a resumed run whose budget is used up already."""
        if self.global_step > 0:
            self._progress = self.progress
            self._end_if_used_up()

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Set the learning rate and the batch norms' mode for this step."""
        self._progress = progress = self.progress
        factor = learning_rate_factor(self.training_config.schedule, progress)
        set_learning_rate(self.optimizers(use_pl_optimizer=False), factor)
        if progress >= self.training_config.freeze_norms_from:
            for module in self.model.modules():
                if isinstance(module, NORMS):
                    module.eval()
        keep_frozen_norms(self.model)
        masking = self.model.channel_masking
        if masking is not None and self.training_config.fixed_camera_norm:
            masking.camera_norm.eval()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Return the loss of one batch."""
        has_vehicle = self.model.config.has_vehicle
        levels = None
        if has_vehicle:
            levels = self.model.encode_vehicle(self._layout(batch.vehicle_images))
        views, roadside_level = self._roadside(batch)
        cameras = batch.vehicle_cameras if has_vehicle else None
        maps = self.model.fuse(levels, cameras, views, batch.flips)
        self._assigner = self._assigner.to(batch.flips.device)
        targets = self._assigner.targets(batch.boxes, batch.ignored)
        maps = [channels.float() for channels in maps]
        loss = detection_loss(*maps, targets, self.training_config.loss)
        total = loss.total
        size = len(batch.names)
        if self.image_supervision is not None:
            image_loss = self._image_loss(batch, levels, roadside_level)
            self.log('loss_image', image_loss, batch_size=size)
            total = total + self.training_config.loss.image_weight * image_loss
        self.log('loss', total, prog_bar=True, batch_size=size)
        self.log('loss_classification', loss.classification, batch_size=size)
        self.log('loss_box', loss.box, batch_size=size)
        self.log('loss_direction', loss.direction, batch_size=size)
        rate = self.optimizers(use_pl_optimizer=False).param_groups[0]['lr']
        self.log('learning_rate', rate, batch_size=size)
        self.log('minutes', self.elapsed / 60.0, batch_size=size)
        if not torch.isfinite(total):
            raise ValueError(
                f'the loss is {total.item()} at step {self.global_step} (frames '
                f'{batch.names}); lower the learning rate or use precision 32-true'
            )
        return total

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        """End the run when its budget is used up."""
        self._end_if_used_up()

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Collect the detections of one batch."""
        fused, vehicle = predict(self.model, batch, self.training_config.validation.vehicle_only)
        self._fused_results += fused
        self._vehicle_results += vehicle

    def on_validation_epoch_end(self) -> None:
        """Log AP over all validation pairs."""
        fused, vehicle = _gathered(self._fused_results), _gathered(self._vehicle_results)
        self._fused_results, self._vehicle_results = [], []
        values = average_precisions(fused, 'val_')
        if vehicle:
            values |= average_precisions(vehicle, 'val_vehicle_only_')
        # All processes have all results, so the mean over them is the value itself.
        self.log_dict(values, sync_dist=True)
        self.log('val_ap', values['val_ap_bev_50'], prog_bar=True, logger=False, sync_dist=True)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep the time that was used."""
        checkpoint[_ELAPSED] = self.elapsed

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on with the time that is left."""
        self._elapsed_before = checkpoint[_ELAPSED]

    def _end_if_used_up(self) -> None:
        """Take no further step once the minutes or steps of the budget are over."""
        steps = self.training_config.max_steps
        out_of_time = self.max_minutes is not None and self._progress >= 1.0
        if out_of_time or (steps is not None and self.global_step >= steps):
            self.trainer.should_stop = True

    def _roadside(self, batch: Batch) -> tuple[list[InfrastructureView], Tensor | None]:
        """Return the roadside views and, where it is supervised, their finest pyramid level."""
        images, encoder = batch.infrastructure_images, self.model.infrastructure_encoder
        early = self.model.config.modality == 'early'
        if images is None or self.image_supervision is None or encoder is None or early:
            return batch.infrastructure_views, None
        level = encoder.pyramid(encoder.backbone(self._layout(images)))[0]
        feature = level if encoder.compressor is None else encoder.compressor(level)
        return [InfrastructureView(batch.infrastructure_cameras, feature=feature)], level

    def _image_loss(
        self, batch: Batch, levels: list[Tensor] | None, roadside_level: Tensor | None
    ) -> Tensor:
        """Return the sum of the image losses of the sides that are there."""
        loss = batch.vehicle_images.new_zeros(())
        if levels is not None:
            loss = loss + self.image_supervision(levels[0], batch.vehicle_centres, 'vehicle')
        if roadside_level is not None:
            loss = loss + self.image_supervision(
                roadside_level, batch.infrastructure_centres, 'infrastructure'
            )
        return loss

    def _layout(self, images: Tensor) -> Tensor:
        if self.training_config.channels_last:
            return images.contiguous(memory_format=torch.channels_last)
        return images


def _gathered(results: list[FrameResult]) -> list[FrameResult]:
    """Return the results of all processes."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return results
    parts: list[list[FrameResult]] = [[] for _ in range(torch.distributed.get_world_size())]
    torch.distributed.all_gather_object(parts, results)
    return [result for part in parts for result in part]
