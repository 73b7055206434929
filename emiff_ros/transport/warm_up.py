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

"""What is compiled for coding, compiled before the first feature."""

import numpy as np

from emiff_ros.transport.codec import decode_feature, encode_feature
from emiff_ros.transport.quantization import Quantization


def compile_coding() -> None:
    """Code a small feature and decode it, with what takes integer codes."""
    ramp = np.arange(60, dtype=np.float32).reshape(2, 5, 6)
    decode_feature(encode_feature(ramp, Quantization.INT8, 'rans'))
