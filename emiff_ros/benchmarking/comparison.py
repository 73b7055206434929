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

"""One comparison: build, check, time, break down, write."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
import gc
import json
from pathlib import Path
import platform
import resource
import time
import traceback
from typing import Any

import numpy as np
import torch
from torch import nn

from emiff_ros.acceleration import AccelerationConfig, InputCalibration, NeckCalibration
from emiff_ros.acceleration.input_calibration import Calibration
from emiff_ros.acceleration.openvino_package import openvino_problem, openvino_version
from emiff_ros.benchmarking.accuracy import PROTOCOL, average_precisions, read_pairs
from emiff_ros.benchmarking.agreement import agreement
from emiff_ros.benchmarking.fixed_rate import highest_rate, run_at_rate
from emiff_ros.benchmarking.interleaved import (
    MIN_ROUNDS,
    speed_ratio,
    summary,
    time_interleaved,
)
from emiff_ros.benchmarking.memory import peak_in_own_process
from emiff_ros.benchmarking.peak import measured_peak
from emiff_ros.benchmarking.runners import (
    OPENVINO,
    Runner,
    calibrate_on,
    cpu_runners,
    gpu_runners,
    quick_precision,
)
from emiff_ros.benchmarking.stages import stage_table
from emiff_ros.benchmarking.workload import Pair, input_hash, make_pairs, seeded_model
from emiff_ros.dair.frames import CooperativePair
from emiff_ros.model import Boxes, Emiff, EmiffConfig
from emiff_ros.processor import processor_name

REFERENCE = 'float32 eager'


@dataclass(frozen=True)
class Extent:
    """How much is measured.

    Attributes:
        pairs: different inputs of the timing.
        rounds: turns of each candidate.
        seconds: after these no further candidate is built.
        only: candidates besides the reference; all by default.
        rates: pictures a second at which latencies are measured.
        items: pictures offered at each rate.
        memory: measure each candidate's memory in a process of its own (CPU).
    """

    pairs: int = 4
    rounds: int = 6
    seconds: float = 120.0
    only: Sequence[str] | None = None
    rates: Sequence[float] = ()
    items: int = 100
    memory: bool = False

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            ValueError: for one that is too small.
        """
        for name, least in (('pairs', 1), ('rounds', MIN_ROUNDS), ('seconds', 0), ('items', 1)):
            value = getattr(self, name)
            if not value >= least:
                raise ValueError(f'{name} is {value}; expected at least {least}')
        if not all(rate > 0 for rate in self.rates):
            raise ValueError(f'rates are {list(self.rates)}; expected numbers above 0')


def compare(
    name: str,
    model: Emiff | EmiffConfig,
    device: torch.device,
    output: Path,
    extent: Extent | None = None,
    frames: Sequence[CooperativePair] = (),
    calibration_frames: Sequence[CooperativePair] = (),
) -> dict[str, Any]:
    """Time all candidates of a device against the plain float32 network.

    Args:
        name: of the configuration, for the report.
        model: a cooperative network, or its configuration: weights are seeded then.
        device: where everything runs.
        output: JSON file, rewritten after each part.
        extent: how much is measured.
        frames: labelled pairs; they are the input then, and each candidate's AP is computed.
        calibration_frames: pairs that the scales of 8 bits come from; by default two of
            ``frames``, or two seeded pairs.

    Returns:
        What was written.

    Raises:
        ValueError: for a network of another modality, or candidates that there are not.
    """
    extent = extent or Extent()
    report: dict[str, Any] = {'model': name, **_machine(device), 'failures': {}}
    started = time.perf_counter()
    config = model.config if isinstance(model, Emiff) else model
    if config.modality != 'cooperative':
        raise ValueError(
            f'modality is {config.modality}; pairs are timed, so take a cooperative one'
        )
    inputs = read_pairs(frames, config) if frames else make_pairs(config, extent.pairs)
    report['input_sha256'] = input_hash(inputs)
    report['weights'] = 'trained' if isinstance(model, Emiff) else 'seeded'
    if isinstance(model, Emiff):
        model = model.to(device).eval()
    else:
        model = seeded_model(config, inputs[0], device)
    calibration: list[Calibration] = []

    def calibrate() -> Calibration:
        if calibration:
            return calibration[0]
        if calibration_frames:
            others = read_pairs(calibration_frames, config)
        else:
            others = inputs[-2:] if frames else make_pairs(config, 2, first=100)
        report['calibration_pairs'] = len(others)
        calibration.append(calibrate_on(model, others))
        return calibration[0]

    cpu = device.type != 'cuda'
    builders = cpu_runners(model, calibrate) if cpu else gpu_runners(model)
    if extent.only is not None:
        unknown = sorted(set(extent.only) - set(builders))
        if unknown:
            raise ValueError(f'no candidates {unknown}; there are: {", ".join(builders)}')
        builders = {key: builders[key] for key in dict.fromkeys((REFERENCE, *extent.only))}

    ready: dict[str, Runner] = {}
    boxes: dict[str, list[Boxes]] = {}
    report['candidates'] = {}
    for key, build in builders.items():
        if time.perf_counter() - started > extent.seconds:
            report['failures'][key] = f'not built: {extent.seconds:.0f} s were over'
            continue
        with _guarded(key, report, output):
            runner, boxes[key], entry = _prepare(build, inputs, device)
            entry |= {'agreement': agreement(boxes[REFERENCE], boxes[key])}
            if frames:
                entry |= {'protocol': PROTOCOL, **average_precisions(frames, boxes[key])}
            report['candidates'][key] = entry
            ready[key] = runner
    timed_inputs = inputs[: extent.pairs]
    with _guarded('timing', report, output):
        timed = time_interleaved(
            {key: _item(runner, timed_inputs) for key, runner in ready.items()}, extent.rounds
        )
        for key, turns in timed.items():
            report['candidates'][key] |= summary(turns)
            report['candidates'][key]['speed_ratio'] = speed_ratio(timed[REFERENCE], turns)
    if extent.rates:
        for key, runner in ready.items():
            with _guarded(f'rates {key}', report, output):
                entry = report['candidates'][key]
                entry |= _rates(_item(runner, timed_inputs), entry['per_second'], extent)
    ready.clear()
    gc.collect()
    if extent.memory and cpu:
        for key in report['candidates']:
            with _guarded(f'memory {key}', report, output):
                peak = peak_in_own_process(run_once, config, key)
                report['candidates'][key]['own_process_peak_mb'] = peak
    _print_table(report)
    for precision in _stage_precisions(device, config, bool(calibration)):
        with _guarded(f'stages {precision}', report, output):
            _add_stages(report, model, precision, inputs[0], device, calibration)
    return report


def run_once(config: EmiffConfig, candidate: str) -> None:
    """Build one candidate of a CPU with random weights and run it twice."""
    model = Emiff(config).eval()
    runner = cpu_runners(model, lambda: _any_scales(model))[candidate]()
    for pair in make_pairs(config, 2):
        runner(pair)


def _any_scales(model: Emiff) -> Calibration:
    """Return scales that fit the network's layers but no frames."""
    if model.config.neck.kind == 'folded':
        convolutions = [n for n, module in model.named_modules() if isinstance(module, nn.Conv2d)]
        return InputCalibration(fingerprint='', frames=0, maxima=dict.fromkeys(convolutions, 1.0))
    layers = sum(isinstance(module, nn.Conv3d) for module in model.neck.modules())
    return NeckCalibration(maxima=(1.0,) * layers)


def _rates(run: Callable[[int], Boxes], per_second: float, extent: Extent) -> dict[str, Any]:
    """Measure latencies at fixed rates and the highest rate with tolerable loss."""
    fixed = [run_at_rate(run, rate, extent.items) for rate in extent.rates]
    best = highest_rate(lambda rate: run_at_rate(run, rate, extent.items), 1.05 * per_second)
    return {'at_rate': fixed, 'highest_rate': best}


def _prepare(
    build: Callable[[], Runner], inputs: list[Pair], device: torch.device
) -> tuple[Runner, list[Boxes], dict[str, Any]]:
    """Build and warm up a candidate; return it, its boxes, and what that took."""
    gpu = device.type == 'cuda'
    if gpu:
        torch.cuda.synchronize(device)
        torch.cuda.empty_cache()
        held = torch.cuda.memory_reserved(device)
    started = time.perf_counter()
    runner = build()
    runner(inputs[0])
    entry: dict[str, Any] = {'ready_s': round(time.perf_counter() - started, 2)}
    boxes = [runner(pair) for pair in inputs]
    # A recorded graph keeps its memory although nothing in it is allocated any longer.
    memory = torch.cuda.memory_reserved(device) - held if gpu else _resident_peak()
    key = 'memory_mb' if gpu else 'process_peak_mb'
    entry[key] = round(memory / 1e6, 1)
    return runner, boxes, entry


def _item(runner: Runner, inputs: list[Pair]) -> Callable[[int], Boxes]:
    return lambda index: runner(inputs[index % len(inputs)])


def _add_stages(
    report: dict[str, Any],
    model: Emiff,
    precision: str,
    pair: Pair,
    device: torch.device,
    calibration: Sequence[Calibration],
) -> None:
    """Add the stages of one precision with their shares of the measured peak."""
    cuda, scales = device.type == 'cuda', None
    if cuda:
        acceleration = AccelerationConfig.for_gpu(precision)
    elif precision == OPENVINO:
        acceleration = AccelerationConfig.for_openvino()
    elif precision == 'int8':
        folded = model.config.neck.kind == 'folded'
        quantized = AccelerationConfig.for_cpu(quick_precision(), quantized=True)
        acceleration = AccelerationConfig.for_openvino(True) if folded else quantized
        scales = calibration[0]
    else:
        acceleration = AccelerationConfig.for_cpu(precision)
    report.setdefault('peak_tflops', {})[precision] = measured_peak(device, acceleration.dtype)
    peak = max(report['peak_tflops'][precision].values())
    table = stage_table(model, acceleration, pair, 10 if cuda else 3, scales)
    total = sum(row['ms'] for row in table.values())
    gmac = sum(row['gmac'] for row in table.values())
    for row in table.values():
        row['peak_share'] = round(row['tflops'] / peak, 4)
    table['sum'] = {
        'ms': round(total, 3),
        'gmac': round(gmac, 2),
        'peak_share': round(2 * gmac / total / peak, 4),
    }
    report.setdefault('stages', {})[precision] = table
    print(f'\n{precision}: peak {peak:.1f} TFLOP/s')
    for name, row in table.items():
        share = 100 * row['peak_share']
        print(f'  {name:24} {row["ms"]:10.3f} ms {row["gmac"]:9.2f} GMAC {share:6.1f} % of peak')


def _stage_precisions(
    device: torch.device, config: EmiffConfig, quantized: bool
) -> tuple[str, ...]:
    if device.type == 'cuda':
        return 'float16', 'bfloat16'
    floats = dict.fromkeys(('float32', quick_precision()))
    folded = config.neck.kind == 'folded' and openvino_problem() is None
    return *floats, *[OPENVINO] * folded, *['int8'] * quantized


@contextmanager
def _guarded(part: str, report: dict[str, Any], output: Path) -> Iterator[None]:
    """Keep a failure of one part to itself; write what there is afterwards."""
    try:
        yield
    except Exception as error:
        traceback.print_exc()
        report['failures'][part] = f'{type(error).__name__}: {error}'[:500]
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(report, indent=2) + '\n', encoding='utf-8')


def _machine(device: torch.device) -> dict[str, Any]:
    gpu = device.type == 'cuda'
    return {
        'device': torch.cuda.get_device_name(device) if gpu else processor_name(),
        'python': platform.python_version(),
        'torch': torch.__version__,
        'numpy': np.__version__,
        'openvino': openvino_version(),
        'cuda': torch.version.cuda if gpu else None,
        'cudnn': torch.backends.cudnn.version() if gpu else None,
        'threads': torch.get_num_threads(),
    }


def _resident_peak() -> int:
    """Return the most memory that this process ever held, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _print_table(report: dict[str, Any]) -> None:
    print(f'\n{report["model"]} on {report["device"]}, torch {report["torch"]}')
    print(f'{"candidate":46} {"pairs/s":>8} {"p50 ms":>8} {"p95 ms":>8} {"ratio":>7} matched')
    for name, entry in report['candidates'].items():
        if 'per_second' not in entry:
            continue
        print(
            f'{name:46} {entry["per_second"]:8.2f} {entry["p50_ms"]:8.2f} {entry["p95_ms"]:8.2f} '
            f'{entry["speed_ratio"]["median"]:7.2f} {entry["agreement"]["matched"]:.3f}'
        )
    for name, reason in report['failures'].items():
        print(f'FAILED {name}: {reason}')
