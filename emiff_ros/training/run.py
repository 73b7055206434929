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

"""One training run from data to weights: Lightning trainer, checkpoints, logs and export."""

from dataclasses import dataclass
import logging
from pathlib import Path

from lightning.pytorch import Trainer, seed_everything
from lightning.pytorch.callbacks import (
    Callback,
    EMAWeightAveraging,
    ModelCheckpoint,
    TQDMProgressBar,
)
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.utilities.exceptions import MisconfigurationException
import torch

from emiff_ros.model.checkpoint import load_backbone_weights
from emiff_ros.model.config import EmiffConfig
from emiff_ros.model.emiff import Emiff
from emiff_ros.model.weights import load_weights, save_weights
from emiff_ros.processor import multiplies
from emiff_ros.training.camera_statistics import (
    require_camera_statistics,
    set_camera_statistics,
)
from emiff_ros.training.config import TrainingConfig
from emiff_ros.training.data_module import CooperativeDataModule
from emiff_ros.training.dataset import CooperativeDataset
from emiff_ros.training.imitation import imitate_trunk
from emiff_ros.training.module import EmiffModule
from emiff_ros.training.parts import load_trunk
from emiff_ros.training.shared_start import SharedStart, is_first_process

_logger = logging.getLogger(__name__)

LAST = 'last.ckpt'
BEST = 'best.ckpt'


@dataclass(frozen=True)
class RunOptions:
    """Where and how a run takes place; nothing here changes what is learned in a planned step.

    Attributes:
        output: folder of checkpoints and logs.
        max_minutes: time budget instead of the configured epochs.
        resume: checkpoint to go on from.
        initial_weights: weights file to start from (fine-tuning); with ``train_parts`` the trunk.
        backbone_weights: ResNet weights in torchvision's naming to start both backbones from,
            also in place of those in ``initial_weights``; not with imitation.
        accelerator, devices: as Lightning names them.
        workers: data loading processes on each device.
        progress_bar: show one.
    """

    output: Path
    max_minutes: float | None = None
    resume: Path | None = None
    initial_weights: Path | None = None
    backbone_weights: Path | None = None
    accelerator: str = 'auto'
    devices: int = 1
    workers: int = 0
    progress_bar: bool = True


@dataclass(frozen=True)
class RunResult:
    """What a run left behind.

    Attributes:
        module: the network with the last (averaged) weights.
        checkpoint: the best checkpoint by AP that was written to the run's folder, or the last
            one if none was validated.
        best_ap: AP-BEV@0.5 of that checkpoint in percent; None if none was validated.
        steps: optimiser steps taken.
        epochs: epochs begun.
        minutes: training time.
        is_main: false in the further processes of a run on several devices.
    """

    module: EmiffModule
    checkpoint: Path
    best_ap: float | None
    steps: int
    epochs: int
    minutes: float
    is_main: bool


def train(
    model: EmiffConfig,
    training: TrainingConfig,
    training_set: CooperativeDataset,
    validation_set: CooperativeDataset | None,
    options: RunOptions,
) -> RunResult:
    """Train a network; checkpoints, TensorBoard events and CSV go to ``options.output``.

    The same configurations, data and seed give the same losses, resumed from the last epoch's
    checkpoint or not (on a CPU with the same number of threads, planned by epochs).

    Raises:
        ValueError: if the data do not fill a batch, the loss is not finite, parts alone are to be
            trained without initial weights, backbone weights would replace what was imitated, one
            camera alone would have to be normalised, there are fewer validation pairs than
            devices, or the devices are not there.
        WeightsError: if the initial weights do not fit the network.
        CheckpointError: if the backbone weights do not.
    """
    require_camera_statistics(model, training)
    if training.imitation.steps and options.initial_weights and options.backbone_weights:
        raise ValueError(
            f'imitation.steps is {training.imitation.steps}: backbone weights would replace what '
            'encoders learn from the initial weights; leave out --backbone or set imitation.steps '
            'to 0'
        )
    seed_everything(training.seed, verbose=False)
    options.output.mkdir(parents=True, exist_ok=True)
    module = EmiffModule(model, training, options.max_minutes)
    trainer = _trainer(
        training, options, _callbacks(training, options, validation_set is not None)
    )
    parts = training.train_parts
    if options.initial_weights is not None:
        load_trunk(module.model, options.initial_weights, parts or ())
        if training.imitation.steps and options.resume is None and is_first_process():
            _imitate(module.model, training, training_set, options)
    elif parts is not None and options.resume is None:
        raise ValueError(
            f'train_parts is {list(parts)}: the other parts stay as they are, so the run needs '
            'trained weights to start from (--weights FILE)'
        )
    if options.backbone_weights is not None:
        load_backbone_weights(module.model, options.backbone_weights)
    masking = module.model.channel_masking
    if masking is not None and training.fixed_camera_norm and options.initial_weights is None:
        set_camera_statistics(masking.camera_norm, training_set.cameras())
    data = CooperativeDataModule(training_set, validation_set, model, training, options.workers)
    # The checkpoints are this program's own files.
    trainer.fit(module, data, ckpt_path=options.resume, weights_only=False)
    return _result(trainer, module, options)


def _trainer(training: TrainingConfig, options: RunOptions, callbacks: list[Callback]) -> Trainer:
    planned = options.max_minutes is None and training.max_steps is None
    try:
        return Trainer(
            accelerator=options.accelerator,
            devices=options.devices,
            # Batches without roadside views leave the roadside encoder without gradients.
            strategy='ddp_find_unused_parameters_true' if options.devices != 1 else 'auto',
            precision=_precision(training, options),
            max_epochs=training.epochs if planned else -1,
            gradient_clip_val=training.optimizer.gradient_clip or None,
            check_val_every_n_epoch=training.validation.every_epochs,
            num_sanity_val_steps=0,
            log_every_n_steps=1,
            logger=[
                CSVLogger(options.output, name='csv'),
                TensorBoardLogger(options.output, name='tensorboard'),
            ],
            callbacks=callbacks,
            enable_progress_bar=options.progress_bar,
            enable_model_summary=False,
            use_distributed_sampler=False,
            default_root_dir=options.output,
        )
    except MisconfigurationException as error:
        raise ValueError(
            f'accelerator {options.accelerator!r} with {options.devices} devices cannot be used: '
            f'{error}'
        ) from error


def export(
    result: RunResult,
    model: EmiffConfig,
    path: Path,
    metadata: dict[str, str],
    dtype: torch.dtype = torch.float32,
) -> str:
    """Write the run's checkpoint as weights; return the network's fingerprint.

    ``steps``, ``epochs`` and ``minutes`` of the metadata are the run's; ``weights_of_step`` says
    after which step these weights were kept.
    """
    checkpoint = torch.load(result.checkpoint, map_location='cpu', weights_only=False)
    module = EmiffModule(model, result.module.training_config)
    module.load_state_dict(checkpoint['state_dict'])
    facts = {
        'steps': str(result.steps),
        'weights_of_step': str(checkpoint['global_step']),
        'epochs': str(result.epochs),
        'minutes': f'{result.minutes:.1f}',
    }
    if result.best_ap is not None:
        facts['validation_ap_bev_50'] = f'{result.best_ap:.2f} (protocol opendairv2x)'
    return save_weights(module.model, path, {**facts, **metadata}, dtype)


def _on_gpu(options: RunOptions) -> bool:
    return options.accelerator != 'cpu' and torch.cuda.is_available()


def _imitate(
    model: Emiff, training: TrainingConfig, data: CooperativeDataset, options: RunOptions
) -> None:
    trunk, _, _ = load_weights(options.initial_weights)
    device = torch.device('cuda' if _on_gpu(options) else 'cpu')
    imitate_trunk(model, trunk, data, training.imitation, device, training.seed)


def _precision(training: TrainingConfig, options: RunOptions) -> str:
    """Return the precision to train in.

    On a CPU 16 bits are bfloat16 always, and float32 takes its place if there are no instructions
    for it.
    """
    if training.precision == '32-true' or _on_gpu(options):
        return training.precision
    if not multiplies(torch.bfloat16):
        _logger.warning(
            'this CPU has no instructions for bfloat16, in which training would take many times '
            'as long: training in float32 instead of %s',
            training.precision,
        )
        return '32-true'
    if training.precision == '16-mixed':
        _logger.warning('a CPU trains in no float16: training in bf16-mixed instead of 16-mixed')
    return 'bf16-mixed'


def _callbacks(training: TrainingConfig, options: RunOptions, validated: bool) -> list[Callback]:
    callbacks: list[Callback] = [
        SharedStart(),
        ModelCheckpoint(
            options.output,
            filename=Path(LAST).stem,
            save_on_train_epoch_end=True,
            enable_version_counter=False,
        ),
    ]
    if validated:
        callbacks.append(
            ModelCheckpoint(
                options.output,
                filename=Path(BEST).stem,
                monitor='val_ap_bev_50',
                mode='max',
                save_on_train_epoch_end=False,
                enable_version_counter=False,
            )
        )
    if training.average_decay:
        # By default the average stays where the network is before it is moved to its device.
        device = 'cuda' if _on_gpu(options) else None
        callbacks.append(EMAWeightAveraging(device, decay=training.average_decay))
    if options.progress_bar:
        callbacks.append(TQDMProgressBar())
    return callbacks


def _result(trainer: Trainer, module: EmiffModule, options: RunOptions) -> RunResult:
    checkpoint, best_ap = options.output / LAST, None
    if not checkpoint.exists() and options.resume is not None:
        checkpoint = options.resume  # the run had ended, and nothing was left to do
    for callback in trainer.checkpoint_callbacks:
        # Of a run that goes on in another folder the score of the best one so far is not known.
        if callback.monitor and callback.best_model_score is not None:
            checkpoint = Path(callback.best_model_path)
            best_ap = float(callback.best_model_score)
    _logger.info('trained %d steps in %.1f minutes', trainer.global_step, module.elapsed / 60.0)
    return RunResult(
        module,
        checkpoint,
        best_ap,
        trainer.global_step,
        trainer.current_epoch,
        module.elapsed / 60.0,
        trainer.is_global_zero,
    )
