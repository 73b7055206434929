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

"""A rounded convolution is right to one step of its input."""

import pytest
import torch
from torch import nn

from emiff_ros.acceleration.byte_rounding import rounded_weights
from emiff_ros.acceleration.openvino_program import OpenVinoProgram
from emiff_ros.acceleration.rounded_convolution import RoundedConvolution

SCALE, ZERO = 0.02, 30


@pytest.fixture
def convolution():
    torch.manual_seed(7)
    return nn.Conv2d(16, 24, 3, 2, 1).requires_grad_(False)


@pytest.fixture
def image():
    """Return a map that is rounded already and reaches beyond both ends."""
    steps = torch.randint(-20, 300, (1, 16, 9, 14), generator=torch.Generator().manual_seed(8))
    return (steps - ZERO) * SCALE


def expected_of(convolution, image):
    rounded, scales = rounded_weights(convolution.weight)
    exact = nn.Conv2d(16, 24, 3, 2, 1).requires_grad_(False)
    exact.weight.copy_(rounded.float() * scales.view(-1, 1, 1, 1))
    exact.bias.copy_(convolution.bias)
    return exact(image.clamp(-ZERO * SCALE, (255 - ZERO) * SCALE))


def test_it_is_the_convolution_of_rounded_values(convolution, image):
    ours = RoundedConvolution(convolution, SCALE, ZERO)(image)
    torch.testing.assert_close(ours, expected_of(convolution, image), rtol=1e-5, atol=1e-5)


def test_openvino_computes_the_same_in_bytes(convolution, image):
    rounded = RoundedConvolution(convolution, SCALE, ZERO)
    program = OpenVinoProgram(lambda x: [rounded(x)])
    ours = program(image)[0]
    assert all('I8' in kernel for kernel in program.executed['Convolution'])
    torch.testing.assert_close(ours, expected_of(convolution, image), rtol=1e-4, atol=1e-4)


def test_values_between_two_steps_go_to_the_nearer_one(convolution):
    rounded = RoundedConvolution(convolution, SCALE)
    image = torch.full((1, 16, 5, 5), 10 * SCALE)
    torch.testing.assert_close(rounded(image + 0.4 * SCALE), rounded(image))
    torch.testing.assert_close(rounded(image + 0.6 * SCALE), rounded(image + SCALE))
