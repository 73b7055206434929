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

"""The roadside half alone gives what the whole network's encoder gives."""

import copy

from model.golden_cases import SMALL_S4
import pytest
import torch

from emiff_ros.acceleration import AcceleratedEncoder, AccelerationConfig


@pytest.mark.parametrize(('precision', 'tolerance'), [('float32', 1e-5), ('bfloat16', 0.03)])
def test_it_is_the_encoder(precision, tolerance, model_of):
    encoder = model_of(SMALL_S4).infrastructure_encoder
    image = SMALL_S4.images()[1]
    with torch.no_grad():
        expected = encoder(image)
    accelerated = AcceleratedEncoder(encoder, AccelerationConfig.for_cpu(precision))
    ours = accelerated.encode_infrastructure(image).float()
    assert (ours - expected).abs().max() <= tolerance * expected.abs().max()


def test_what_does_not_fit_is_refused(model_of):
    encoder = model_of(SMALL_S4).infrastructure_encoder
    with pytest.raises(ValueError, match='cuda_graphs needs an NVIDIA GPU; this encoder is on cp'):
        AcceleratedEncoder(encoder, AccelerationConfig(cuda_graphs=True))
    with pytest.raises(ValueError, match='the encoder is in training mode'):
        AcceleratedEncoder(copy.deepcopy(encoder).train(), AccelerationConfig())
