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

"""From a resized picture to the tensor that the network takes."""

import functools

import torch
from torch import Tensor

from emiff_ros.model.config import EmiffConfig

IMAGE_MEAN = (123.675, 116.28, 103.53)
"""Mean of ImageNet, red, green, blue, 0 to 255."""

IMAGE_STD = (58.395, 57.12, 57.375)


def preprocess_image(rgb: Tensor, config: EmiffConfig) -> Tensor:
    """Normalise a picture and pad it with zeros at the bottom and right.

    Args:
        rgb: [H, W, 3] uint8, red first, already resized to ``config.image_height`` and
            ``config.image_width``; a tensor or anything that ``torch.as_tensor`` takes.
        config: network whose input this becomes.

    Returns:
        [3, Hp, Wp] float32 on the device of ``rgb``.

    Raises:
        ValueError: for another shape, size or type.
    """
    rgb = torch.as_tensor(rgb)
    expected = (config.image_height, config.image_width, 3)
    if rgb.shape != expected or rgb.dtype != torch.uint8:
        raise ValueError(
            f'image is {list(rgb.shape)} {rgb.dtype}; expected {list(expected)} torch.uint8. '
            "Resize it to the model's input size first"
        )
    return normalise_and_pad(rgb, *config.padded_size)


def normalise_and_pad(rgb: Tensor, padded_height: int, padded_width: int) -> Tensor:
    """Like :func:`preprocess_image` for any size, as training with scale augmentation needs.

    Padding comes after normalisation: padded pixels are 0 in the network's units.
    """
    height, width, _ = rgb.shape
    if height > padded_height or width > padded_width:
        raise ValueError(
            f'image of {height}x{width} does not fit the padded size '
            f'{padded_height}x{padded_width}'
        )
    out = torch.zeros(3, padded_height, padded_width, device=rgb.device)
    statistics = row_statistics(width, rgb.device)
    out[:, :height, :width] = normalise(rgb, statistics).permute(2, 0, 1)
    return out


def normalise(rgb: Tensor, statistics: tuple[Tensor, Tensor]) -> Tensor:
    """Return a picture [H, W, 3], 0 to 255, in the network's units: mean 0 and deviation 1.

    A row of pixels is taken as one run of numbers: in runs of three nothing is vectorised.

    Args:
        rgb: red first.
        statistics: of :func:`row_statistics` for that width.
    """
    height, width, _ = rgb.shape
    mean, inverse_std = statistics
    return rgb.reshape(height, -1).sub(mean).mul_(inverse_std).view(height, width, 3)


@functools.lru_cache(maxsize=16)
def row_statistics(width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return mean and inverse deviation of each number of a row of pixels, [3 width]."""
    with torch.inference_mode(False):
        mean = torch.tensor(IMAGE_MEAN)
        inverse_std = (1.0 / torch.tensor(IMAGE_STD, dtype=torch.float64)).float()
        return mean.repeat(width).to(device), inverse_std.repeat(width).to(device)
