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

"""What is said of the processor agrees with what it computes."""

from pathlib import Path

import pytest
import torch

from emiff_ros.processor import multiplies, processor_name, sums_byte_products


def test_a_name_says_which_vector_instructions_there_are():
    name, capability = processor_name().rsplit(', ', 1)
    assert name
    assert capability == torch.backends.cpu.get_cpu_capability()


def test_every_processor_multiplies_float32():
    assert multiplies(torch.float32)


@pytest.mark.skipif(not Path('/proc/cpuinfo').exists(), reason='needs Linux')
def test_flags_of_the_kernel_agree():
    flags = Path('/proc/cpuinfo').read_text()
    if 'avx2' not in flags:
        pytest.skip('no x86-64 processor')
    assert sums_byte_products() == ('avx512_vnni' in flags)
    if 'avx512_bf16' in flags:
        assert multiplies(torch.bfloat16)
    if 'avx512' not in flags and 'avx_ne_convert' not in flags:
        assert not multiplies(torch.bfloat16)
