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

"""Feed mutated payloads to the decoder and report causes, times and memory.

``nice python benchmark/transport/mutate_payloads.py --count 1000000`` ends with an error as soon
as anything but a named error is raised. The address space is limited to what the process has when
it starts and the decoder's cap (``--cap``, 64 MiB), so that a larger allocation is such an error,
too. Times are processor time of the one thread: a busy machine does not count.
"""

import argparse
from collections import Counter
import json
from pathlib import Path
import resource
import struct
import sys
import time

import numpy as np
from tqdm import tqdm

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / 'test')]

from fuzz.decoder_target import decode_hostile, from_bytes, seeds, to_bytes  # noqa: E402
from fuzz.memory_limit import limit_memory  # noqa: E402

from emiff_ros.processor import processor_name  # noqa: E402
from emiff_ros.transport.codec import MAX_CHANNELS, MAX_VALUES, encode_feature  # noqa: E402
from emiff_ros.transport.quantization import Quantization  # noqa: E402

SLOWEST = 5


def originals() -> list[bytes]:
    """Return the fuzzer's seeds and a small message that stands for a million zeros."""
    bomb = encode_feature(np.zeros((1, 1024, 1024), np.float32), 'int8', 'zstd')
    return [*seeds(), to_bytes(bomb)]


def mutate(seed: bytes, rng: np.random.Generator) -> bytes:
    """Return ``seed`` with up to eight bytes changed, and sometimes cut, extended or enlarged."""
    data = bytearray(seed)
    count = int(rng.integers(1, 9))
    # Half of the changes hit the fields before the payload.
    limits = np.where(rng.random(count) < 0.5, min(40, len(data)), len(data))
    for position, value in zip(rng.integers(0, limits), rng.integers(0, 256, count), strict=True):
        data[position] = value
    kind = rng.integers(0, 8)
    if kind == 0:
        del data[int(rng.integers(0, len(data))) :]
    elif kind == 1:
        data += rng.bytes(int(rng.integers(1, 64)))
    elif kind == 2:
        data += data[40:]
    elif kind == 3:
        return enlarge(seed, rng)
    return bytes(data)


def enlarge(seed: bytes, rng: np.random.Generator) -> bytes:
    """Return ``seed`` with a larger shape and all that has to agree with it: only work is left."""
    data = bytearray(seed)
    channels, room = from_bytes(seed).shape[0], MAX_VALUES // MAX_CHANNELS
    height, width = (int(2 ** rng.uniform(0, np.log2(room))) for _ in range(2))
    values = channels * height * width
    size = Quantization(data[2]).byte_count(values)
    struct.pack_into('<4I', data, 4, channels, height, width, size)
    return bytes(data)


def describe(data: bytes) -> dict[str, object]:
    """Return what a hostile input claims to be."""
    encoded = from_bytes(data)
    return {
        'shape': list(encoded.shape),
        'quantization': encoded.quantization,
        'coder': encoded.coder,
        'payload_bytes': len(encoded.payload),
    }


def main() -> None:
    """Run, print one JSON object and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--count', type=int, default=100_000, help='mutated payloads')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--cap', type=int, default=64, help='of the memory, MiB')
    parser.add_argument('--output', type=Path, help='JSON file')
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    valid = originals()
    for original in valid:
        decode_hostile(original)
    causes: Counter[str] = Counter()
    durations = np.empty(options.count)
    slowest: list[tuple[float, int, dict[str, object]]] = []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    limit_memory(options.cap * 2**20)
    for index in tqdm(range(options.count), unit='payload', mininterval=5):
        data = mutate(valid[index % len(valid)], rng)
        start = time.thread_time()
        cause = decode_hostile(data)
        durations[index] = time.thread_time() - start
        causes[cause] += 1
        if len(slowest) < SLOWEST or durations[index] > slowest[-1][0]:
            slowest.append((durations[index], index, {'outcome': cause, **describe(data)}))
            slowest = sorted(slowest, key=lambda item: item[:2], reverse=True)[:SLOWEST]
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    report = {
        'count': options.count,
        'seed': options.seed,
        'processor': processor_name(),
        'outcomes': dict(causes.most_common()),
        'median_ms': round(float(np.median(durations)) * 1e3, 4),
        'p99_ms': round(float(np.quantile(durations, 0.99)) * 1e3, 3),
        'max_ms': round(float(durations.max()) * 1e3, 3),
        'memory_cap_mib': options.cap,
        'resident_growth_mib': round(grown / 1024, 1),
        'slowest': [{'ms': round(ms * 1e3, 3), **what} for ms, _, what in slowest],
    }
    text = json.dumps(report, indent=2)
    print(text)
    if options.output:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(text + '\n')


if __name__ == '__main__':
    main()
