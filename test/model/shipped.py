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

"""Shipped model configurations with seeded weights, and inputs of their size."""

from pathlib import Path

from model.golden_cases import extrinsics, intrinsics
import torch
from torch import nn

from emiff_ros.model import Camera, Emiff, EmiffConfig
from emiff_ros.model.deformable import DeformableConv

FOLDER = Path(__file__).parents[2] / 'config' / 'model'


def shipped_config(name, **changes):
    config = EmiffConfig.from_yaml(FOLDER / f'{name}.yaml')
    return EmiffConfig.from_dict(config.model_dump(mode='json') | changes)


def seeded_model(config):
    """Return the network with random weights whose deformable convolutions do deform."""
    torch.manual_seed(0)
    model = Emiff(config).eval()
    for module in model.modules():
        if isinstance(module, DeformableConv):
            nn.init.normal_(module.offset.bias, std=0.7)
    return model


def seeded_inputs(config):
    """Return two images and their cameras, the vehicle's first."""
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(2, 1, 3, *config.padded_size, generator=generator)
    size = (1080, 1920)
    cameras = [
        Camera(
            intrinsics(2183.4, 2183.9, 940.6, 567.6),
            extrinsics((0.35, 0.1, -0.25), 0.7, 1.3, -0.4),
            size,
        ),
        Camera(
            intrinsics(2186.4, 2332.2, 968.7, 542.4),
            extrinsics((52.0, 6.5, 4.3), 187.0, 12.5, 1.1),
            size,
        ),
    ]
    input_size = (config.image_height, config.image_width)
    return images, [camera.scaled(input_size) for camera in cameras]
