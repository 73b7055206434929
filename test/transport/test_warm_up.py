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

"""After the warm-up, coding compiles nothing more."""

import subprocess
import sys

PROGRAM = """
import numpy as np
from emiff_ros.transport import ans_stack, context_model, quantization
from emiff_ros.transport.codec import decode_feature, encode_feature
from emiff_ros.transport.rate_distortion import quantize_thriftily
from emiff_ros.transport.warm_up import compile_coding

def compiled_forms():
    return {
        (module.__name__, name): len(function.signatures)
        for module in (ans_stack, context_model, quantization)
        for name, function in vars(module).items()
        if hasattr(function, 'signatures')
    }

before = compiled_forms()
compile_coding()
warm = compiled_forms()
pixels = np.random.default_rng(0).random((44, 80, 4), np.float32)
for name in ('int8', 'int4'):
    decode_feature(encode_feature(pixels.transpose(2, 0, 1), name, 'rans'))
tensor = np.ascontiguousarray(pixels.transpose(2, 0, 1))
quantize_thriftily(tensor, quantization.Quantization.INT4, 15, np.ones((44, 80), np.float32))
assert any(warm.values()) and not any(before.values())
assert compiled_forms() == warm, (warm, compiled_forms())
"""


def test_nothing_is_left_to_compile():
    """In a process of its own: another test may have had something compiled."""
    result = subprocess.run(
        [sys.executable, '-c', PROGRAM], capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
