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

"""Feed mutated payloads to the decoder and report causes and times.

``python benchmark/transport/mutate_payloads.py --count 1000000`` ends with an error as soon as
anything but a named error is raised.
"""

import argparse
from collections import Counter
import json
from pathlib import Path
import resource
import sys
import time

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / 'test')]

from fuzz.decoder_target import decode_hostile, seeds  # noqa: E402


def mutate(seed: bytes, rng: np.random.Generator) -> bytes:
    """Return ``seed`` with up to eight bytes changed, and sometimes cut, extended or doubled."""
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
    return bytes(data)


def main() -> None:
    """Run and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--count', type=int, default=100_000, help='mutated payloads')
    parser.add_argument('--seed', type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    originals = seeds()
    for original in originals:
        decode_hostile(original)
    causes: Counter[str] = Counter()
    durations = np.empty(options.count)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for index in range(options.count):
        data = mutate(originals[index % len(originals)], rng)
        start = time.perf_counter()
        causes[decode_hostile(data)] += 1
        durations[index] = time.perf_counter() - start
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    print(
        json.dumps(
            {
                'count': options.count,
                'seed': options.seed,
                'outcomes': dict(causes.most_common()),
                'median_ms': round(float(np.median(durations)) * 1e3, 4),
                'max_ms': round(float(durations.max()) * 1e3, 3),
                'peak_memory_growth_mib': round(grown / 1024, 1),
            },
            indent=2,
        )
    )


if __name__ == '__main__':
    main()
