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

"""Resize and normalise pictures on the device where the network runs."""

import cv2
import torch
from torch import Tensor
from torch.nn import functional

from emiff_ros.model.config import EmiffConfig
from emiff_ros.model.preprocessing import normalise, row_statistics


class ImagePreparation:
    """Picture [H, W, 3] uint8 of any size -> network input [1, 3, Hp, Wp].

    The resizing is that of OpenCV's ``INTER_AREA`` when shrinking: every output pixel is the mean
    of the area that it covers, rounded to an integer.
    """

    def __init__(
        self,
        config: EmiffConfig,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
        channels_last: bool = True,
    ) -> None:
        """Prepare for the input size of ``config``; the rest is type and layout of the result."""
        self.size = config.image_height, config.image_width
        padded_height, padded_width = config.padded_size
        self._pad = (0, padded_width - self.size[1], 0, padded_height - self.size[0])
        self._device, self._dtype = device, dtype
        self._layout = torch.channels_last if channels_last else torch.contiguous_format
        self._statistics = row_statistics(self.size[1], device)  # a CUDA graph knows its address
        self._shares: dict[tuple[int, int], Tensor] = {}

    def __call__(self, rgb: Tensor) -> Tensor:
        """Prepare a picture on the device, red first.

        Raises:
            ValueError: if it is no uint8 picture or smaller than the network's input.
        """
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != torch.uint8:
            raise ValueError(f'image is {list(rgb.shape)} {rgb.dtype}; expected [H, W, 3] uint8')
        if rgb.shape[0] < self.size[0] or rgb.shape[1] < self.size[1]:
            raise ValueError(
                f'image is {rgb.shape[0]}x{rgb.shape[1]}, smaller than the network input '
                f'{self.size[0]}x{self.size[1]}; only shrinking is exact here'
            )
        if rgb.shape[:2] != self.size:
            rgb = self._resize(rgb.permute(2, 0, 1).float()).permute(1, 2, 0)
        image = normalise(rgb, self._statistics).permute(2, 0, 1)
        if any(self._pad):
            image = functional.pad(image, self._pad)
        image = image.to(self._dtype).unsqueeze(0)
        return image.contiguous(memory_format=self._layout)

    def _resize(self, pixels: Tensor) -> Tensor:
        height, width = pixels.shape[1:]
        factors = height / self.size[0], width / self.size[1]
        if all(factor.is_integer() for factor in factors):
            window = int(factors[0]), int(factors[1])
            mean = functional.avg_pool2d(pixels.unsqueeze(0), window).squeeze(0)
            # OpenCV halves sizes in integers, where one half rounds up, others in floats.
            return (mean + 0.5).floor() if window == (2, 2) else mean.round()
        rows = self._area_shares(height, self.size[0])
        columns = self._area_shares(width, self.size[1])
        return torch.matmul(torch.matmul(rows, pixels), columns.mT).round()

    def _area_shares(self, size: int, smaller: int) -> Tensor:
        """Return what each of ``size`` cells contributes to ``smaller`` ones, [smaller, size]."""
        key = size, smaller
        if key not in self._shares:
            edges = torch.arange(size + 1, dtype=torch.float64)
            wide = torch.arange(smaller + 1, dtype=torch.float64).unsqueeze(1) * (size / smaller)
            upper = torch.minimum(wide[1:], edges[1:])
            lower = torch.maximum(wide[:-1], edges[:-1])
            shares = (upper - lower).clamp(min=0) * (smaller / size)
            with torch.inference_mode(False):
                self._shares[key] = shares.float().to(self._device)
        return self._shares[key]


def shrink_with_opencv(rgb: Tensor, config: EmiffConfig) -> Tensor:
    """Resize a picture [H, W, 3] uint8 on the CPU to the network's input; smaller ones stay."""
    size = config.image_height, config.image_width
    smaller = rgb.ndim != 3 or rgb.shape[0] < size[0] or rgb.shape[1] < size[1]
    if smaller or rgb.shape[:2] == size:
        return rgb
    small = cv2.resize(rgb.cpu().numpy(), size[::-1], interpolation=cv2.INTER_AREA)
    return torch.from_numpy(small)
