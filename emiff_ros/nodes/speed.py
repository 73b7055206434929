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
from emiff_ros.acceleration.openvino_package import (
    REMEDY,
    openvino_problem,
    openvino_version,
    require_openvino,
)
from emiff_ros.model import EmiffConfig
from emiff_ros.processor import multiplies

CHOICES = ('auto', 'off', 'float32', 'bfloat16', 'float16', 'int8')
ENGINES = ('auto', 'torch', 'openvino')
_OPENVINO = ('float32', 'int8')


def choose_acceleration(
    choice: str,
    engine: str,
    config: EmiffConfig,
    device: torch.device,
    warn: Callable[[str], object],
) -> AccelerationConfig:
    """Return the speed-ups for a network on a device.

    ``auto`` is float32 on a CPU, which only rounds differently, and float16 on a GPU, which keeps
    AP. The engine ``auto`` is OpenVINO where it is installed and can do it, but for networks with
    a 3D neck: it gains little there and takes 1 GB.

    Args:
        choice: one of ``CHOICES``.
        engine: one of ``ENGINES``.
        config: of the network.
        device: where the network runs.
        warn: is told if the CPU has no instructions for the precision, or if OpenVINO is installed
            but cannot be used.

    Raises:
        ValueError: for another choice or engine, or one that the device, the network's neck or
            what is installed does not allow.
    """
    for name, value, known in (('acceleration', choice, CHOICES), ('engine', engine, ENGINES)):
        if value not in known:
            raise ValueError(f'{name} is {value!r}; expected one of {", ".join(known)}')
    on_gpu = device.type == 'cuda'
    precision = ('float16' if on_gpu else 'float32') if choice == 'auto' else choice
    if precision == 'int8':
        _check_8_bits(engine, config, on_gpu)
    able = precision in _OPENVINO and not on_gpu
    if engine == 'openvino' and not able:
        raise ValueError(
            f'engine openvino does not do acceleration {choice} on {device}; expected '
            f'{" or ".join(_OPENVINO)} on a CPU, or another engine'
        )
    preferred = able and engine == 'auto' and config.neck.kind == 'folded'
    if precision == 'int8' or engine == 'openvino' or (preferred and _has_openvino(warn)):
        acceleration = AccelerationConfig.for_openvino(quantized=precision == 'int8')
    elif precision == 'off':
        acceleration = AccelerationConfig.plain()
    elif on_gpu:
        acceleration = AccelerationConfig.for_gpu(precision)
    else:
        acceleration = AccelerationConfig.for_cpu(precision)
        if not multiplies(acceleration.dtype):
            warn(
                f'acceleration {choice}: this CPU has no instructions for it and takes many times '
                'as long as with float32; use auto'
            )
    return acceleration.fitted(config)


def _has_openvino(warn: Callable[[str], object]) -> bool:
    if openvino_version() is None:
        return False
    problem = openvino_problem()
    if problem is not None:
        warn(f'openvino {problem}; PyTorch computes everything. Mend it with: {REMEDY}')
    return problem is None


def _check_8_bits(engine: str, config: EmiffConfig, on_gpu: bool) -> None:
    if on_gpu:
        raise ValueError('acceleration int8 needs a CPU; choose float16 or bfloat16 on a GPU')
    if config.neck.kind != 'folded':
        raise ValueError(
            f'acceleration int8 needs a folded neck; that of this network is {config.neck.kind}. '
            'Choose float32 or bfloat16'
        )
    if engine == 'torch':
        raise ValueError('acceleration int8 needs engine openvino; engine is torch')
    require_openvino()


def calibration_for(
    acceleration: AccelerationConfig, weights: Path, fingerprint: str
) -> InputCalibration | None:
    """Return the calibration that 8 bits need, from the file beside the weights; else None.

    Raises:
        ValueError: if the file is missing, broken or of other weights.
    """
    if not acceleration.needs_calibration:
        return None
    path = weights.with_suffix(CALIBRATION_SUFFIX)
    calibration = InputCalibration.from_json(path)
    if calibration.fingerprint != fingerprint:
        raise ValueError(
            f'{path} belongs to other weights ({calibration.fingerprint[:12]}, these are '
            f'{fingerprint[:12]}); make it anew with: python -m emiff_ros calibrate'
        )
    return calibration
