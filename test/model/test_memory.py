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

"""How much memory the released network takes."""

import resource
import subprocess
import sys

import pytest
import torch

LIMIT = 3.4e9


def detect_a_pair():
    """Run one pair through emiff_r50 on two threads; print the process's peak in bytes."""
    from model.shipped import seeded_inputs, seeded_model, shipped_config

    from emiff_ros.model import InfrastructureView

    torch.set_num_threads(2)
    config = shipped_config('emiff_r50')
    images, cameras = seeded_inputs(config)
    model = seeded_model(config)
    model.detect(images[0], cameras[0], [InfrastructureView(cameras[1], image=images[1])])
    print(1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != 'linux', reason='ru_maxrss counts kilobytes on Linux')
def test_released_network_runs_in_less_than_3_4_gigabytes():
    program = (
        f'import sys; sys.path[:0] = {sys.path!r}; '
        'from model.test_memory import detect_a_pair; detect_a_pair()'
    )
    answer = subprocess.run(
        [sys.executable, '-c', program], check=True, capture_output=True, text=True
    )
    assert int(answer.stdout) < LIMIT
