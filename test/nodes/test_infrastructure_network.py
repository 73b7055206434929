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

"""The roadside node's network: whatever computes it, features are those of the plain encoder."""

from nodes.world import save_tiny_model
import numpy as np
import pytest
import torch

from emiff_ros.acceleration import AccelerationConfig
from emiff_ros.model.preprocessing import preprocess_image
from emiff_ros.model.weights import load_infrastructure_encoder
from emiff_ros.nodes.infrastructure_network import InfrastructureNetwork

CPU = torch.device('cpu')


@pytest.mark.parametrize(
    ('acceleration', 'tolerance'),
    [
        (AccelerationConfig.plain(), 1e-5),
        (AccelerationConfig.for_cpu('bfloat16'), 0.2),
        (AccelerationConfig.for_openvino(), 1e-3),
    ],
    ids=['plain', 'bfloat16', 'openvino'],
)
def test_features_are_those_of_the_plain_encoder_in_float32(acceleration, tolerance, tiny_model):
    loaded = load_infrastructure_encoder(tiny_model)
    network = InfrastructureNetwork(loaded, CPU, acceleration)
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (*network.image_size, 3), dtype=np.uint8)
    with torch.inference_mode():
        image = preprocess_image(torch.from_numpy(pixels), loaded.config)
        expected = loaded.encoder(image[None])[0].numpy()
    feature = network.encode(pixels)
    assert feature.dtype == np.float32
    assert feature.shape == loaded.config.transmitted_shape
    assert np.abs(feature - expected).max() <= tolerance * np.abs(expected).max()


def test_another_network_has_another_fingerprint(tiny_model, tmp_path):
    other = save_tiny_model(tmp_path / 'other.safetensors', seed=1)
    networks = [
        InfrastructureNetwork(load_infrastructure_encoder(path), CPU, AccelerationConfig.plain())
        for path in (tiny_model, other)
    ]
    assert all(len(network.fingerprint) == 32 for network in networks)
    assert networks[0].fingerprint != networks[1].fingerprint
