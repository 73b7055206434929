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

"""Which speed-ups the parameter ``acceleration`` stands for."""

from collections.abc import Callable
from pathlib import Path

import torch

from emiff_ros.acceleration import AccelerationConfig, InputCalibration
from emiff_ros.acceleration.input_calibration import CALIBRATION_SUFFIX
from emiff_ros.processor import multiplies

CHOICES = ('auto', 'off', 'float32', 'bfloat16', 'float16', 'int8')


def choose_acceleration(
    choice: str, device: torch.device, warn: Callable[[str], object]
) -> AccelerationConfig:
    """Return the speed-ups for a device.

    ``auto`` is float32 on a CPU, which only rounds differently. On a GPU it is off: what is used
    there has been tested on CPUs only.

    Args:
        choice: one of ``CHOICES``.
        device: where the network runs.
        warn: is told if the CPU has no instructions for the precision.

    Raises:
        ValueError: for another choice, or one that the device does not have.
    """
    if choice not in CHOICES:
        raise ValueError(f'acceleration is {choice!r}; expected one of {", ".join(CHOICES)}')
    on_gpu = device.type == 'cuda'
    if choice == 'auto':
        choice = 'off' if on_gpu else 'float32'
    if choice == 'off':
        return AccelerationConfig.plain()
    if choice == 'int8':
        if on_gpu:
            raise ValueError('acceleration int8 needs a CPU; choose float16 or bfloat16 on a GPU')
        return AccelerationConfig.for_bytes()
    if on_gpu:
        return AccelerationConfig.for_gpu(choice)
    acceleration = AccelerationConfig.for_cpu(choice)
    if not multiplies(acceleration.dtype):
        warn(
            f'acceleration {choice}: this CPU has no instructions for it and takes many times as '
            'long as with float32; use auto'
        )
    return acceleration


def calibration_for(
    acceleration: AccelerationConfig, weights: Path, fingerprint: str
) -> InputCalibration | None:
    """Return the calibration that 8 bits need, from the file beside the weights; else None.

    Raises:
        ValueError: if the file is missing, broken or of other weights.
    """
    if not acceleration.quantized_encoders:
        return None
    path = weights.with_suffix(CALIBRATION_SUFFIX)
    calibration = InputCalibration.from_json(path)
    if calibration.fingerprint != fingerprint:
        raise ValueError(
            f'{path} belongs to other weights ({calibration.fingerprint[:12]}, these are '
            f'{fingerprint[:12]}); make it anew with: python -m emiff_ros calibrate'
        )
    return calibration
