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

"""Time encode and decode of one tensor on one core: ``python benchmark/transport/time_codec.py``.

The tensor is a smooth, rectified random map of the paper's default shape. Processor time is what
counts on a busy machine; wall time is printed beside it.
"""

import argparse
import json
from pathlib import Path
import sys
import time

import cv2
import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from emiff_ros.processor import processor_name  # noqa: E402
from emiff_ros.transport.codec import decode_feature, encode_feature  # noqa: E402


def smooth_map(channels: int, height: int, width: int) -> NDArray[np.float32]:
    """Return a map of which half is zero, as a backbone makes them."""
    shape = channels, height // 4 + 2, width // 4 + 2
    noise = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    size = width, height
    large = [cv2.resize(item, size, interpolation=cv2.INTER_LINEAR) for item in noise]
    return np.maximum(large, 0)


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--shape', type=int, nargs=3, default=(1, 68, 120))
    parser.add_argument('--quantization', default='int8')
    parser.add_argument('--coder', default='rans')
    parser.add_argument('--repeats', type=int, default=300)
    options = parser.parse_args()
    tensor = smooth_map(*options.shape)
    encoded = encode_feature(tensor, options.quantization, options.coder)
    decode_feature(encoded)
    times = np.empty((options.repeats, 2, 3))
    for row in times:
        row[:, 0] = time.perf_counter(), time.thread_time()
        encoded = encode_feature(tensor, options.quantization, options.coder)
        row[:, 1] = time.perf_counter(), time.thread_time()
        decode_feature(encoded)
        row[:, 2] = time.perf_counter(), time.thread_time()
    report = {
        'shape': list(options.shape),
        'quantization': options.quantization,
        'coder': options.coder,
        'payload_bytes': len(encoded.payload),
        'processor': processor_name(),
        'threads': 1,
    }
    for index, clock in enumerate(('wall', 'processor')):
        laps = 1e3 * np.diff(times[:, index])
        both = laps.sum(axis=1)
        report[f'{clock}_ms'] = {
            'encode_median': round(float(np.median(laps[:, 0])), 3),
            'decode_median': round(float(np.median(laps[:, 1])), 3),
            'both_median': round(float(np.median(both)), 3),
            'both_best': round(float(both.min()), 3),
        }
    print(json.dumps(report, indent=2))


if __name__ == '__main__':
    main()
