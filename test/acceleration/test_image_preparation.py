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

"""Pictures resized on the device are those that OpenCV resizes."""

import cv2
import numpy as np
import pytest
import torch

from emiff_ros.acceleration.image_preparation import ImagePreparation
from emiff_ros.model import EmiffConfig, preprocess_image

CONFIG = EmiffConfig(image_height=54, image_width=96)
ONE_LEVEL = 1 / 57.12


@pytest.mark.parametrize(
    ('size', 'tolerance'),
    [
        ((54, 96), 1e-6),
        ((108, 192), 1e-6),
        ((324, 384), ONE_LEVEL + 1e-3),
        ((203, 360), ONE_LEVEL + 1e-3),
    ],
)
def test_it_resizes_as_opencv(size, tolerance, device):
    rgb = np.random.RandomState(1).randint(0, 256, (*size, 3), np.uint8)
    small = cv2.resize(rgb, (96, 54), interpolation=cv2.INTER_AREA)
    expected = preprocess_image(torch.from_numpy(small), CONFIG)
    ours = ImagePreparation(CONFIG, device)(torch.from_numpy(rgb).to(device))
    assert ours.shape == (1, *expected.shape)
    difference = (ours[0].cpu() - expected).abs()
    assert difference.max() <= tolerance
    assert (difference > 1e-3).float().mean() < 0.01


@pytest.mark.parametrize(
    ('picture', 'message'),
    [
        (torch.zeros(108, 192, 3), 'torch.float32; expected'),
        (torch.zeros(3, 108, 192, dtype=torch.uint8), r'expected \[H, W, 3\] uint8'),
        (torch.zeros(50, 192, 3, dtype=torch.uint8), '50x192, smaller than the network input'),
    ],
)
def test_other_pictures_are_refused(picture, message):
    with pytest.raises(ValueError, match=message):
        ImagePreparation(CONFIG, torch.device('cpu'))(picture)
