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

"""The most that this machine multiplies a second: what a share of the peak refers to."""

from collections.abc import Callable
import time

import torch
from torch import Tensor
from torch.nn import functional


def measured_peak(device: torch.device, dtype: torch.dtype, repeats: int = 5) -> dict[str, float]:
    """Return the best TFLOP/s of a large matrix product and a large convolution.

    A multiplication and an addition count as two.
    """
    size, batch = (8192, 8) if device.type == 'cuda' else (1536, 1)
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    product = 2 * size**3 / _best_seconds(lambda: a @ b, device, repeats)

    channels, cells, layout = 256, 128, torch.channels_last
    x = torch.randn(batch, channels, cells, cells, device=device).to(dtype)
    weight = torch.randn(channels, channels, 3, 3, device=device).to(dtype)
    x, weight = x.contiguous(memory_format=layout), weight.contiguous(memory_format=layout)
    operations = 2 * batch * cells**2 * 9 * channels**2
    seconds = _best_seconds(lambda: functional.conv2d(x, weight, padding=1), device, repeats)
    return {
        'matrix_product': round(product / 1e12, 3),
        'convolution': round(operations / seconds / 1e12, 3),
    }


def _best_seconds(run: Callable[[], Tensor], device: torch.device, repeats: int) -> float:
    best = float('inf')
    with torch.inference_mode():
        for _ in range(repeats + 1):
            _wait(device)
            started = time.perf_counter()
            run()
            _wait(device)
            best = min(best, time.perf_counter() - started)
    return best


def _wait(device: torch.device) -> None:
    if device.type == 'cuda':
        torch.cuda.synchronize(device)
