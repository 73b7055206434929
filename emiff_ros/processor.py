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

"""What this machine's processor is, and what it has instructions for."""

from pathlib import Path
import platform

import torch


def processor_name() -> str:
    """Return the processor's name and its vector instructions, such as ``AMD EPYC, AVX2``."""
    try:
        lines = Path('/proc/cpuinfo').read_text(encoding='utf-8').splitlines()
    except OSError:
        lines = []
    names = [line.partition(':')[2].strip() for line in lines if line.startswith('model name')]
    name = names[0] if names else platform.processor() or platform.machine()
    return f'{name}, {torch.backends.cpu.get_cpu_capability()}'


def multiplies(dtype: torch.dtype) -> bool:
    """Tell whether the CPU multiplies numbers of a type itself.

    Where it does not, PyTorch falls back to loops that take many times as long as float32.
    """
    if dtype == torch.bfloat16:
        return torch.ops.mkldnn._is_mkldnn_bf16_supported()
    if dtype == torch.float16:
        return torch.ops.mkldnn._is_mkldnn_fp16_supported()
    return True


def sums_byte_products() -> bool:
    """Tell whether the CPU adds products of 8-bit numbers into 32 bits (VNNI).

    Older ones add two of them into 16 bits, which saturates.
    """
    return torch.cpu._is_vnni_supported()
