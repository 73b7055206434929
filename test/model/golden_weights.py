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

"""Seeded weights of the golden cases: values follow from official key and shape alone."""

import functools
from pathlib import Path
import re
import zlib

import numpy as np

KEYS_FILE = Path(__file__).parents[1] / 'data' / 'golden' / 'keys.txt'

# The camera batch norm sees pixels and metres: its statistics are scaled so that normalised values
# stay within a few units.
CAMERA_MEAN = np.array([800.0, 800.0, 350.0, 200.0] + [0.0] * 12)
CAMERA_STD = np.array(
    [500.0, 500.0, 300.0, 200.0] + [1.0, 1.0, 1.0, 20.0] * 2 + [1.0, 1.0, 1.0, 40.0]
)


def seeded_weights(shapes, adjust=None):
    """Return key -> array for key -> shape; ``adjust`` is key -> (factor, summand)."""
    weights = {key: _tensor(key, tuple(shape)).copy() for key, shape in shapes.items()}
    for key, (factor, summand) in (adjust or {}).items():
        value = weights[key] * np.float32(factor) + np.asarray(summand, np.float32)
        weights[key] = value.astype(weights[key].dtype)
    return weights


def released_shapes(halvings):
    """Return key -> shape of the released network, in file order, for 1 or 4 halvings."""
    shapes, wanted = {}, False
    for line in KEYS_FILE.read_text().splitlines():
        if line.startswith('#'):
            wanted = line.split('s_compress_ratio=')[1].startswith(f'{halvings}:')
        elif line.strip() and wanted:
            key, shape, _ = line.split('\t')
            shapes[key] = tuple(int(size) for size in re.findall(r'\d+', shape))
    return shapes


@functools.cache
def _tensor(key, shape):
    random = np.random.RandomState(zlib.crc32(key.encode('ascii')))
    if key.endswith('num_batches_tracked'):
        return np.zeros(shape, np.int64)
    if key.endswith('running_mean'):
        value = 0.05 * random.randn(*shape)
        if key == 'ccmnet.bn.running_mean':
            value = CAMERA_MEAN + value * CAMERA_STD
    elif key.endswith('running_var'):
        value = 1.0 + 0.2 * random.uniform(-1, 1, shape)
        if key == 'ccmnet.bn.running_var':
            value = value * CAMERA_STD**2
    elif len(shape) == 1 and key.endswith('.weight'):
        value = _norm_weight(key, 1.0 + 0.1 * random.uniform(-1, 1, shape))
    elif len(shape) == 1:
        value = _bias(key, shape, random)
    else:
        value = _kernel(key, random.randn(*shape), shape)
    return np.ascontiguousarray(value.astype(np.float32).reshape(shape))


def _norm_weight(key, value):
    if key.endswith('bn3.weight'):
        return value * 0.3
    if key.startswith('neck_3d.') and '.conv1.bn.' in key:
        return value * 0.5
    return value


def _bias(key, shape, random):
    normal = random.randn(*shape)
    if key.endswith('conv_offset.bias'):
        return 0.7 * random.randn(*shape)
    if key == 'bbox_head.conv_cls.bias':
        return 0.05 * normal - 3.5
    if key.endswith('compressor0.encoder.1.bias'):
        return 0.05 * normal + 0.6
    return 0.05 * normal


def _kernel(key, normal, shape):
    fan_in = int(np.prod(shape[1:]))
    if '.compressor0.downsamples.' in key:
        return np.abs(normal) / (0.8 * fan_in)
    if '.compressor0.upsamples.' in key:
        return np.abs(normal) / (0.8 * 4 * shape[0])
    scales = {
        'conv_offset.weight': 0.6,
        '.lateral_convs.': 0.25,
        '.fpn_convs.': 1.0,
        'bbox_head.conv_cls.weight': 2.0,
        'bbox_head.conv_reg.weight': 0.2,
        'bbox_head.conv_dir_cls.weight': 1.0,
    }
    for part, scale in scales.items():
        if part in key:
            return scale * normal / np.sqrt(fan_in)
    return normal * np.sqrt(2.0 / fan_in)
