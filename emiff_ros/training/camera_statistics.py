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
