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

"""Which speed-ups the parameters ``acceleration`` and ``engine`` stand for."""

from collections.abc import Callable
from pathlib import Path

import torch

from emiff_ros.acceleration import AccelerationConfig, InputCalibration
from emiff_ros.acceleration.input_calibration import CALIBRATION_SUFFIX
from emiff_ros.acceleration.openvino_program import has_openvino, require_openvino
from emiff_ros.processor import multiplies

CHOICES = ('auto', 'off', 'float32', 'bfloat16', 'float16', 'int8')
ENGINES = ('auto', 'torch', 'openvino')
_OPENVINO = ('float32', 'int8')


def choose_acceleration(
    choice: str, engine: str, device: torch.device, warn: Callable[[str], object]
) -> AccelerationConfig:
    """Return the speed-ups for a device.

    ``auto`` is float32 on a CPU, which only rounds differently. On a GPU it is off: what is used
    there has been tested on CPUs only. The engine ``auto`` is OpenVINO where it can be used and is
    installed.

    Args:
        choice: one of ``CHOICES``.
        engine: one of ``ENGINES``.
        device: where the network runs.
        warn: is told if the CPU has no instructions for the precision.

    Raises:
        ValueError: for another choice or engine, or one that the device does not have.
    """
    for name, value, known in (('acceleration', choice, CHOICES), ('engine', engine, ENGINES)):
        if value not in known:
            raise ValueError(f'{name} is {value!r}; expected one of {", ".join(known)}')
    on_gpu = device.type == 'cuda'
    if choice == 'auto':
        choice = 'off' if on_gpu else 'float32'
    if choice == 'int8' and on_gpu:
        raise ValueError('acceleration int8 needs a CPU; choose float16 or bfloat16 on a GPU')
    if _uses_openvino(choice, engine, on_gpu):
        return AccelerationConfig.for_openvino(quantized=choice == 'int8')
    if choice == 'off':
        return AccelerationConfig.plain()
    if on_gpu:
        return AccelerationConfig.for_gpu(choice)
    acceleration = AccelerationConfig.for_cpu(choice)
    if not multiplies(acceleration.dtype):
        warn(
            f'acceleration {choice}: this CPU has no instructions for it and takes many times as '
            'long as with float32; use auto'
        )
    return acceleration


def _uses_openvino(choice: str, engine: str, on_gpu: bool) -> bool:
    """Tell whether OpenVINO computes, by the choice made and what is installed."""
    possible = choice in _OPENVINO and not on_gpu
    if engine == 'openvino' and not possible:
        place = 'a GPU' if on_gpu else 'a CPU'
        raise ValueError(
            f'engine openvino does not do acceleration {choice} on {place}; expected '
            f'{" or ".join(_OPENVINO)} on a CPU, or another engine'
        )
    if choice == 'int8':
        if engine == 'torch':
            raise ValueError('acceleration int8 needs engine openvino; engine is torch')
        require_openvino()
    return possible and engine != 'torch' and (engine == 'openvino' or has_openvino())


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
