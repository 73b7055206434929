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

"""Camera-aware channel masking: the camera vector and the mask."""

import pytest
import torch

from emiff_ros.model.camera import CameraBatch
from emiff_ros.model.channel_masking import ChannelMasking, camera_vector
from emiff_ros.model.config import ChannelMaskingConfig
from emiff_ros.model.recorder import StageRecorder


def test_camera_vector(vehicle_camera):
    vector = camera_vector(CameraBatch.stack([vehicle_camera]), torch.tensor([False]))[0]
    assert vector[:4].tolist() == pytest.approx([109.2, 109.2, 47.0, 28.4])
    assert vector[4:].tolist() == pytest.approx(
        vehicle_camera.camera_from_vehicle.flatten().tolist()
    )


def test_mirrored_camera_vector(vehicle_camera):
    """Quirk: a mirrored image negates fx and cx; cx does not become W - cx."""
    cameras = CameraBatch.stack([vehicle_camera] * 2)
    plain, mirrored = camera_vector(cameras, torch.tensor([False, True]))
    sign = torch.tensor([-1.0, 1, -1] + [1] * 13)
    assert torch.equal(mirrored, plain * sign)


def masking():
    torch.manual_seed(0)
    return ChannelMasking(6, ChannelMaskingConfig(squeeze_ratio=2))


def test_views_do_not_mix_in_evaluation():
    module = masking().eval()
    features = [torch.randn(2, 6, 8, 10) for _ in range(3)]
    vectors = [torch.randn(2, 16) for _ in range(3)]
    together = module(features, vectors)
    for view in range(3):
        alone = module(features[view : view + 1], vectors[view : view + 1])[0]
        assert torch.allclose(together[view], alone, atol=1e-6)


def test_views_are_interleaved_sample_by_sample():
    vectors = [torch.full((2, 16), 1.0), torch.full((2, 16), 2.0)]
    with StageRecorder() as recorder:
        masking().eval()([torch.randn(2, 6, 4, 4)] * 2, vectors)
    assert recorder.stages['ccm_input'][:, 0].tolist() == [1, 2, 1, 2]


def test_training_norm_sees_all_views():
    module = masking().train()
    module([torch.randn(2, 6, 4, 4)] * 2, [torch.zeros(2, 16), torch.ones(2, 16)])
    momentum = module.camera_norm.momentum
    assert module.camera_norm.running_mean.tolist() == pytest.approx([0.5 * momentum] * 16)


def test_autocast_does_not_round_the_camera():
    module = masking().eval()
    vector = torch.linspace(-2000, 2000, 16).view(1, 16) + 0.3
    with StageRecorder() as recorder, torch.autocast('cpu', torch.bfloat16):
        module([torch.randn(1, 6, 4, 4).bfloat16()], [vector])
    assert torch.equal(recorder.stages['ccm_bn'], module.camera_norm(vector))


def test_mask_scales_the_channels():
    module = masking().eval()
    feature, vector = torch.randn(1, 6, 4, 4), torch.randn(1, 16)
    with StageRecorder() as recorder:
        result = module([feature], [vector])[0]
    mask, reduced = recorder.stages['ccm_mask'], recorder.stages['ccm_reduced']
    assert ((mask > 0) & (mask < 1)).all()
    assert torch.allclose(result, module.output(reduced * mask[:, :, None, None]), atol=1e-6)
