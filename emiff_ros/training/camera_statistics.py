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

"""Fixed statistics for the batch norm in front of the camera-aware channel masking.

That norm sees one vector of 16 numbers per camera. In a batch of one camera kind alone, such as
a batch without roadside views, its batch statistics have nothing to do with those that it uses
afterwards; statistics of the whole data set do.
"""

from collections.abc import Iterable

import torch
from torch import nn

from emiff_ros.model.camera import Camera, CameraBatch
from emiff_ros.model.channel_masking import camera_vector
from emiff_ros.model.config import EmiffConfig
from emiff_ros.training.config import TrainingConfig

_SMALLEST_VARIANCE = 0.01
"""So that a number that hardly varies in the data set is not blown up when it does later."""


def set_camera_statistics(norm: nn.BatchNorm1d, cameras: Iterable[Camera]) -> None:
    """Set mean and variance of a batch norm to those of the cameras' vectors.

    Raises:
        ValueError: if there is no camera.
    """
    cameras = list(cameras)
    if not cameras:
        raise ValueError('no camera to take statistics from; expected those of the training set')
    batch = CameraBatch.stack(cameras)
    vectors = camera_vector(batch, torch.zeros(len(cameras), dtype=torch.bool))
    norm.running_mean.copy_(vectors.mean(dim=0))
    variance = vectors.var(dim=0, unbiased=False)
    norm.running_var.copy_(variance.clamp(min=_SMALLEST_VARIANCE))


def require_camera_statistics(model: EmiffConfig, training: TrainingConfig) -> None:
    """Refuse a run whose batches may hold one camera alone, while the norm learns from them.

    Raises:
        ValueError: naming the batch size and both remedies.
    """
    fixed = training.fixed_camera_norm or training.freeze_norms_from == 0
    parts = training.train_parts
    learns = model.channel_masking is not None and (parts is None or 'channel_masking' in parts)
    both = model.has_vehicle and model.has_infrastructure
    alone = not both or training.augmentation.roadside_dropout > 0
    if learns and not fixed and alone and training.batch_size == 1:
        raise ValueError(
            'batch_size is 1, so a batch may hold one camera alone, which gives the batch norm of '
            "the cameras' numbers no variance; set fixed_camera_norm to true or batch_size to 2"
        )
