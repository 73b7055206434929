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

"""What half precision must not touch."""

import torch

from emiff_ros.acceleration.precision import set_precision
from emiff_ros.model import Emiff, EmiffConfig


def test_statistics_of_cameras_stay_in_float32():
    """Their variances exceed float16's range."""
    model = Emiff(EmiffConfig(fpn_channels=8, compression=None, backbone={'depth': 18})).eval()
    masking = model.channel_masking
    masking.camera_norm.running_var.fill_(1e5)
    set_precision(model, torch.float16)
    assert masking.camera_norm.running_var.tolist() == [1e5] * 16
    assert masking.camera_mlp[0].weight.dtype == torch.float32
    assert masking.reduce[0].weight.dtype == torch.float16
    assert model.head.classify.weight.dtype == torch.float16
