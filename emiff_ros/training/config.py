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

"""The training configuration: one validated file beside the model's."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
import yaml

from emiff_ros.training.augmentation import AugmentationConfig
from emiff_ros.training.losses import LossConfig
from emiff_ros.training.parts import Part
from emiff_ros.training.scene import Labels
from emiff_ros.training.schedule import ScheduleConfig
from emiff_ros.training.targets import AssignerConfig


class TrainingConfigError(ValueError):
    """A training configuration that cannot be used; the message names file, key and remedy."""


class OptimizerConfig(BaseModel):
    """AdamW; the defaults are the paper's.

    Attributes:
        learning_rate: of everything but the backbones.
        backbone_factor: learning rate of the backbones as a share of it.
        betas: of AdamW.
        weight_decay: on weights; on all parameters if ``decay_all``.
        decay_all: decay biases and batch norms too, as the paper does.
        gradient_clip: largest global L2 norm of the gradient; 0 for no limit.
    """

    model_config = ConfigDict(frozen=True, extra='forbid')

    learning_rate: float = Field(1e-4, gt=0.0)
    backbone_factor: float = Field(0.1, ge=0.0)
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = Field(1e-4, ge=0.0)
    decay_all: bool = True
    gradient_clip: float = Field(35.0, ge=0.0)


class GroundTruthConfig(BaseModel):
    """Which ground truth is learned.

    Attributes:
        labels: ``cooperative``; or one side's own labels, for a network with that camera alone:
            ``vehicle``, or ``infrastructure``, which is then trained (and used) in the frame of
            the roadside unit's virtual LiDAR.
        min_visible_fraction: a box is unseen if every view that is there shows less than this
            share of it; 0 keeps all. Data sets without visibility count as fully visible within
            the image.
        unseen: ``drop`` makes the place of an unseen box background, ``ignore`` takes it out of
            the loss.
    """

    model_config = ConfigDict(frozen=True, extra='forbid')

    labels: Labels = 'cooperative'
    min_visible_fraction: float = Field(0.0, ge=0.0, le=1.0)
    unseen: Literal['drop', 'ignore'] = 'drop'


class ImitationConfig(BaseModel):
    """How long narrower encoders and a new compression imitate the trunk's before the run proper.

    On several devices the first process does it alone, before the others start; its weights are
    theirs then. A run that goes on (``--resume``) does not do it again.

    Attributes:
        steps: optimiser steps of each; 0 leaves it out.
        images: roadside images, spread over the training set, whose pyramid levels a compression
            keeps in memory.
        batch_size: of them, or pairs for encoders, a step.
        learning_rate: of Adam at the first step; it falls to zero along a cosine.
    """

    model_config = ConfigDict(frozen=True, extra='forbid')

    steps: int = Field(0, ge=0)
    images: int = Field(300, ge=1)
    batch_size: int = Field(8, ge=1)
    learning_rate: float = Field(3e-3, gt=0.0)


class ValidationConfig(BaseModel):
    """When and on what AP is measured (protocol ``opendairv2x``).

    Attributes:
        every_epochs: epochs between two validations.
        pairs: at most this many validation pairs, spread evenly; 0 takes all.
        vehicle_only: measure AP without the roadside view too.
    """

    model_config = ConfigDict(frozen=True, extra='forbid')

    every_epochs: int = Field(1, ge=1)
    pairs: int = Field(0, ge=0)
    vehicle_only: bool = True


class TrainingConfig(BaseModel):
    """Everything about a training run that is not the network. The defaults are the paper's.

    Attributes:
        epochs: passes over the training set.
        repeat: how often each pair comes up in one epoch.
        batch_size: pairs a step on each device.
        seed: of weights, order and random changes.
        precision: as Lightning names it.
        channels_last: memory layout of the image convolutions.
        average_decay: decay of the exponential moving average of the weights, which is what is
            validated and exported; 0 turns it off.
        fixed_camera_norm: the batch norm of the cameras' numbers has the statistics of the whole
            training set from the start (of initial weights: keeps theirs), instead of each
            batch's.
        freeze_norms_from: share of the run after which all batch norms keep their statistics, so
            that the weights settle on what is used afterwards; 1 never freezes.
        max_steps: end after so many optimiser steps instead of ``epochs``.
        train_parts: train these parts alone; the others keep the weights that the run starts from
            (compression levels are fine-tuned from one trunk like this). None trains everything.
        imitation: what narrower encoders and a new compression do before the first step (with
            initial weights).
    """

    model_config = ConfigDict(frozen=True, extra='forbid')

    epochs: int = Field(12, ge=1)
    repeat: int = Field(3, ge=1)
    batch_size: int = Field(2, ge=1)
    seed: int = Field(0, ge=0)
    precision: Literal['32-true', 'bf16-mixed', '16-mixed'] = '32-true'
    channels_last: bool = False
    average_decay: float = Field(0.0, ge=0.0, lt=1.0)
    fixed_camera_norm: bool = False
    freeze_norms_from: float = Field(1.0, ge=0.0, le=1.0)
    max_steps: int | None = Field(None, ge=1)
    train_parts: Annotated[tuple[Part, ...], Field(min_length=1)] | None = None
    imitation: ImitationConfig = ImitationConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    assigner: AssignerConfig = AssignerConfig()
    loss: LossConfig = LossConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    ground_truth: GroundTruthConfig = GroundTruthConfig()
    validation: ValidationConfig = ValidationConfig()

    @classmethod
    def from_yaml(cls, path: str | Path) -> 'TrainingConfig':
        """Read a configuration file.

        A file with ``base: FILE`` (relative to its own folder) changes that file's values: keys
        that it names replace them, section by section.

        Raises:
            TrainingConfigError: if the file or its base is missing, is no YAML mapping or is not
                valid.
        """
        try:
            return cls.model_validate(_values(Path(path), ()))
        except ValidationError as error:
            problems = [
                f'{path}: {".".join(map(str, problem["loc"]))} is {problem["input"]!r}: '
                f'{problem["msg"]}'
                for problem in error.errors()
            ]
            raise TrainingConfigError('\n'.join(problems)) from error


def _values(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    """Return a file's values on top of those of its base."""
    try:
        values = yaml.safe_load(path.read_text(encoding='utf-8'))
    except OSError as error:
        raise TrainingConfigError(f'{path}: cannot be read ({error.strerror})') from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise TrainingConfigError(f'{path}: not valid YAML: {error}') from error
    if not isinstance(values, dict):
        raise TrainingConfigError(f'{path}: expected a mapping of TrainingConfig fields')
    base = values.pop('base', None)
    if base is None:
        return values
    seen = (*seen, path.resolve())
    target = path.parent / str(base)
    if target.resolve() in seen:
        raise TrainingConfigError(f'{path}: base is {base!r}, which leads back to itself')
    return _merged(_values(target, seen), values)


def _merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged
