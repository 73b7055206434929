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

"""The candidates of a comparison: the plain network and its accelerated copies."""

from collections.abc import Callable, Sequence
from typing import Literal

import torch

from emiff_ros.acceleration import (
    AccelerationConfig,
    InputCalibration,
    InputObserver,
    NeckObserver,
    PairDetector,
    accelerate,
)
from emiff_ros.acceleration.convolution_settings import convolution_settings
from emiff_ros.acceleration.heap import keep_freed_memory
from emiff_ros.acceleration.input_calibration import Calibration
from emiff_ros.benchmarking.workload import Pair, run_plain
from emiff_ros.model import Boxes, Emiff
from emiff_ros.processor import multiplies

Runner = Callable[[Pair], Boxes]

OPENVINO = 'float32, openvino'
"""Name of the candidate that OpenVINO computes without rounding."""


def plain_runner(model: Emiff, tf32: bool = False) -> Runner:
    """Return the plain network, run operation by operation, pictures resized on the CPU.

    Args:
        model: the network.
        tf32: let convolutions round to TF32 on a GPU, which is what PyTorch does by default.
    """

    def run(pair: Pair) -> Boxes:
        keep_freed_memory(False)
        with convolution_settings(autotune=False, tf32=tf32), torch.inference_mode():
            return model.decode(run_plain(model, pair))[0].to('cpu')

    return run


def accelerated_runner(
    model: Emiff, acceleration: AccelerationConfig, calibration: Calibration | None = None
) -> Runner:
    """Return an accelerated copy of the network, with what fits it."""
    fitted = acceleration.fitted(model.config)
    detector = PairDetector(accelerate(model, fitted, calibration))

    def run(pair: Pair) -> Boxes:
        keep_freed_memory(acceleration.keep_memory)
        return run_detector(detector, pair)

    return run


def run_detector(detector: PairDetector, pair: Pair) -> Boxes:
    """Detect in one pair."""
    return detector.detect(
        pair.vehicle_rgb,
        pair.vehicle_camera,
        pair.infrastructure_rgb,
        pair.infrastructure_camera,
    )


def gpu_runners(model: Emiff) -> dict[str, Callable[[], Runner]]:
    """Return builders of all candidates on a GPU, the most telling first."""

    def without(**changes: object) -> Callable[[], Runner]:
        values = AccelerationConfig.for_gpu().model_dump() | changes
        return lambda: accelerated_runner(model, AccelerationConfig(**values))

    def whole(precision: str) -> Callable[[], Runner]:
        return lambda: accelerated_runner(model, AccelerationConfig.for_gpu(precision))

    eager = AccelerationConfig.plain().model_copy(update={'precision': 'float16'})
    volume = {
        'float16, neck conv2d': without(neck='conv2d'),
        'float16, neck plain': without(neck='plain'),
    }
    return {
        'float32 eager': lambda: plain_runner(model),
        'float16': whole('float16'),
        **(volume if model.config.neck.kind == 'volume' else {}),
        'bfloat16': whole('bfloat16'),
        'tf32 eager': lambda: plain_runner(model, tf32=True),
        'float16 eager': lambda: accelerated_runner(model, eager),
        'float16, no cuda_graphs': without(cuda_graphs=False),
        'float16, no parallel_encoders': without(parallel_encoders=False),
        'float16, no autotune': without(autotune=False),
        'float16, no channels_last': without(channels_last=False),
        'float16, no fused_activations': without(fused_activations=False),
        'float16, no fused_activations, no fold_batch_norm': without(
            fused_activations=False, fold_batch_norm=False
        ),
        'float16, no device_decoding': without(device_decoding=False),
        'float16, no indexed_sampling, no cuda_graphs': without(
            indexed_sampling=False, cuda_graphs=False
        ),
        'tf32': whole('tf32'),
        'float32': whole('float32'),
    }


def cpu_runners(
    model: Emiff, calibrate: Callable[[], Calibration]
) -> dict[str, Callable[[], Runner]]:
    """Return builders of all candidates on a CPU, the most telling first.

    Args:
        model: the network.
        calibrate: gives what 8 bits need.
    """

    def changed(precision: str, **changes: object) -> Callable[[], Runner]:
        values = AccelerationConfig.for_cpu(precision).model_dump() | changes
        return lambda: accelerated_runner(model, AccelerationConfig(**values))

    def quantized() -> Runner:
        acceleration = AccelerationConfig.for_cpu('bfloat16', quantized=True)
        return accelerated_runner(model, acceleration, calibrate())

    def openvino(quantized: bool = False, **changes: object) -> Callable[[], Runner]:
        values = AccelerationConfig.for_openvino(quantized).model_dump() | changes
        acceleration = AccelerationConfig(**values)
        return lambda: accelerated_runner(
            model, acceleration, calibrate() if acceleration.needs_calibration else None
        )

    folded = {
        'int8': openvino(quantized=True),
        'int8, no quantized_attention': openvino(quantized=True, quantized_attention=False),
        'int8, encoders alone': openvino(quantized=True, quantized_attention=False, neck='plain'),
    }
    volume = {
        'bfloat16, neck int8': quantized,
        'float32, neck int8': lambda: accelerated_runner(
            model, AccelerationConfig.for_cpu('float32', quantized=True), calibrate()
        ),
        'float32, neck conv2d': changed('float32', neck='conv2d'),
        'bfloat16, neck conv2d': changed('bfloat16', neck='conv2d'),
        'float32, neck plain': changed('float32', neck='plain'),
    }
    return {
        'float32 eager': lambda: plain_runner(model),
        'float32': changed('float32'),
        OPENVINO: openvino(),
        'bfloat16': changed('bfloat16'),
        **(volume if model.config.neck.kind == 'volume' else folded),
        'float32, no channels_last': changed('float32', channels_last=False),
        'float32, no fold_batch_norm': changed('float32', fold_batch_norm=False),
        'float32, no indexed_sampling': changed('float32', indexed_sampling=False),
        'float32, no compiled_taps': changed('float32', compiled_taps=False),
        'float32, no sliced_pooling': changed('float32', sliced_pooling=False),
        'float32, no keep_memory': changed('float32', keep_memory=False),
        'float32, no opencv_resize': changed('float32', opencv_resize=False),
        'float32, device_decoding': changed('float32', device_decoding=True),
    }


def quick_precision() -> Literal['bfloat16', 'float32']:
    """Return bfloat16 where the CPU has instructions for it, else float32."""
    return 'bfloat16' if multiplies(torch.bfloat16) else 'float32'


def calibrate_on(model: Emiff, pairs: Sequence[Pair]) -> Calibration:
    """Return the scales that fit some pairs: of an 8-bit 3D neck, or else of the whole network."""
    if model.config.neck.kind == 'folded':
        with InputObserver(model) as inputs, torch.inference_mode():
            for pair in pairs:
                run_plain(model, pair)
        return InputCalibration(fingerprint='', frames=len(pairs), maxima=inputs.maxima)
    floats = AccelerationConfig.for_cpu(quick_precision()).model_copy(update={'neck': 'conv3d'})
    network = accelerate(model, floats.fitted(model.config))
    detector = PairDetector(network)
    with NeckObserver(network.neck) as observer:
        for pair in pairs:
            run_detector(detector, pair)
    return observer.calibration()
