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

"""Where the time of one pair goes: stage by stage, with operations and bytes."""

from collections.abc import Callable
from functools import partial
import statistics
import time
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from emiff_ros.acceleration import AccelerationConfig
from emiff_ros.acceleration.camera_values import camera_values, split_values
from emiff_ros.acceleration.convolution_settings import convolution_settings
from emiff_ros.acceleration.cuda_graph import CapturedStep
from emiff_ros.acceleration.image_preparation import ImagePreparation, shrink_with_opencv
from emiff_ros.acceleration.input_calibration import Calibration
from emiff_ros.acceleration.openvino_steps import make_steps
from emiff_ros.acceleration.steps import NetworkSteps
from emiff_ros.benchmarking.workload import Pair
from emiff_ros.model import Boxes, Emiff, HeadMaps
from emiff_ros.model.camera import CameraBatch
from emiff_ros.model.decoding import decode_head_maps

_REPLAYS = 10
"""Replays of a graph that are timed together, so that the launch of the first hardly counts."""


class _Traffic(TorchDispatchMode):
    """Add up the bytes of all arguments and results that are not views of each other."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        given = [x for x in pytree.tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
        made = [x for x in pytree.tree_leaves(result) if isinstance(x, Tensor)]
        known = {x.untyped_storage().data_ptr() for x in given}
        if any(x.untyped_storage().data_ptr() not in known for x in made):
            self.bytes += sum(x.numel() * x.element_size() for x in (*given, *made))
        return result


def stage_table(
    model: Emiff,
    acceleration: AccelerationConfig,
    pair: Pair,
    repeats: int = 10,
    calibration: Calibration | None = None,
) -> dict[str, dict[str, float]]:
    """Run one pair stage by stage, with what of ``acceleration`` fits the network.

    Returns:
        For each stage ``ms`` (median; on a GPU the mean of ten replays of its graph), ``gmac``
        (multiplications and additions of the plain network), ``mbytes`` (what the operations of
        the plain float32 network read and write, each for itself) and ``tflops``.
    """
    device, acceleration = next(model.parameters()).device, acceleration.fitted(model.config)
    settings = convolution_settings(acceleration.autotune, acceleration.precision == 'tf32')
    # Who resizes is no speed-up of the network: OpenCV has no multiplications to count.
    reference = AccelerationConfig.plain().model_copy(
        update={'opencv_resize': acceleration.opencv_resize}
    )
    plain = _arguments(NetworkSteps(model, reference), pair, device)
    costs = {name: _cost(run, arguments) for name, (run, arguments) in plain.items()}
    del plain
    table = {}
    with settings:
        stages = _arguments(make_steps(model, acceleration, calibration), pair, device)
        for name, (run, arguments) in stages.items():
            seconds = _seconds(run, arguments, device, repeats)
            operations, traffic = costs[name]
            table[name] = {
                'ms': round(1000 * seconds, 4),
                'gmac': round(operations / 2e9, 3),
                'mbytes': round(traffic / 1e6, 2),
                'tflops': round(operations / seconds / 1e12, 3),
            }
    return table


def _arguments(
    steps: NetworkSteps, pair: Pair, device: torch.device
) -> dict[str, tuple[Callable[..., Any], tuple]]:
    """Return each stage's function and arguments, in order, by running them."""
    indexed = steps.acceleration.indexed_sampling
    preparation = ImagePreparation(steps.config, device, steps.acceleration.dtype)
    pictures = [
        torch.from_numpy(rgb).to(device) for rgb in (pair.vehicle_rgb, pair.infrastructure_rgb)
    ]
    cameras = [pair.vehicle_camera, pair.infrastructure_camera]
    numbers = [split_values(camera_values(camera).to(device)) for camera in cameras]
    vectors = tuple(vector for vector, _ in numbers)
    stages: dict[str, tuple[Callable[..., Any], tuple]] = {}

    def prepare(rgb: Tensor) -> Tensor:
        if steps.acceleration.opencv_resize:
            rgb = shrink_with_opencv(rgb, steps.config)
        return preparation(rgb)

    def run(name: str, function: Callable[..., Any], *arguments: Any) -> Any:
        stages[name] = (function, arguments)
        return function(*arguments)

    vehicle = run('prepare vehicle image', prepare, pictures[0])
    roadside = run('prepare roadside image', prepare, pictures[1])
    levels = tuple(run('encode vehicle', steps.encode_vehicle, vehicle))
    feature = run('encode roadside', steps.encode_infrastructure, roadside)
    if indexed:
        run('locate voxels', steps.reader.locate, numbers[1][1])
        places = tuple(steps.reader.locate(place) for _, place in numbers)
    else:
        stages['locate voxels'] = (_nothing, (vectors[0],))
        places = tuple(CameraBatch.stack([camera], device) for camera in cameras)
    vehicle_map = run('align vehicle', steps.align_vehicle, levels)
    scales = run('align roadside', steps.align_infrastructure, feature)
    maps = run('weigh and mask', steps.attend, (vehicle_map,), (scales,), vectors)
    volume = run('sample', steps.volume, maps, places)
    found = run('neck and head', steps.predict, volume)
    if steps.acceleration.device_decoding:
        threshold = torch.tensor(steps.config.detection.score_threshold).to(device)
        run('decode', steps.decode, threshold, found)
    else:
        run('decode', partial(_decode, steps), found)
    return stages


def _decode(steps: NetworkSteps, maps: HeadMaps) -> Boxes:
    return decode_head_maps(maps, steps.anchors, steps.config)[0]


def _nothing(x: Tensor) -> Tensor:
    return x.clone()


def _cost(function: Callable[..., Any], arguments: tuple) -> tuple[int, int]:
    """Return operations (two for a multiplication and an addition) and bytes."""
    traffic, counter = _Traffic(), FlopCounterMode(display=False)
    with counter:
        function(*arguments)
    with traffic:
        function(*arguments)
    return counter.get_total_flops(), traffic.bytes


def _seconds(
    function: Callable[..., Any], arguments: tuple, device: torch.device, repeats: int
) -> float:
    if device.type != 'cuda':
        function(*arguments)
        times = []
        for _ in range(repeats):
            started = time.perf_counter()
            function(*arguments)
            times.append(time.perf_counter() - started)
        return statistics.median(times)
    step = CapturedStep(function, device)
    step(*arguments)
    times = []
    with torch.cuda.device(device):
        for _ in range(repeats):
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            for _ in range(_REPLAYS):
                step.replay()
            end.record()
            end.synchronize()
            times.append(begin.elapsed_time(end) / 1000 / _REPLAYS)
    return statistics.median(times)
