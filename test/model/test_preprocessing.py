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

"""Normalisation and padding of pictures."""

import pytest
import torch

from emiff_ros.model import EmiffConfig, preprocess_image
from emiff_ros.model.preprocessing import IMAGE_MEAN, IMAGE_STD, normalise_and_pad

CONFIG = EmiffConfig(image_height=60, image_width=90)


def test_values_and_padding():
    rgb = torch.randint(0, 256, (60, 90, 3), dtype=torch.uint8)
    tensor = preprocess_image(rgb, CONFIG)
    assert tensor.shape == (3, 64, 96)
    for channel in range(3):
        expected = (rgb[7, 11, channel].item() - IMAGE_MEAN[channel]) / IMAGE_STD[channel]
        assert tensor[channel, 7, 11].item() == pytest.approx(expected, abs=1e-6)
    assert tensor[:, 60:].abs().max() == 0
    assert tensor[:, :, 90:].abs().max() == 0


def test_numpy_is_taken():
    rgb = torch.zeros(60, 90, 3, dtype=torch.uint8)
    assert torch.equal(preprocess_image(rgb.numpy(), CONFIG), preprocess_image(rgb, CONFIG))


@pytest.mark.parametrize(
    'image',
    [
        torch.zeros(61, 90, 3, dtype=torch.uint8),
        torch.zeros(3, 60, 90, dtype=torch.uint8),
        torch.zeros(60, 90, 3),
    ],
)
def test_other_images_are_refused(image):
    with pytest.raises(ValueError, match=r'expected \[60, 90, 3\] torch.uint8. Resize'):
        preprocess_image(image, CONFIG)


def test_picture_larger_than_its_padding_is_refused():
    with pytest.raises(ValueError, match='70x90 does not fit the padded size 64x96'):
        normalise_and_pad(torch.zeros(70, 90, 3, dtype=torch.uint8), 64, 96)
