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

import pytest
import torch

from emiff_ros.device import find_device


def test_auto_takes_what_there_is():
    expected = 'cuda' if torch.cuda.is_available() else 'cpu'
    assert find_device('auto', 'device').type == expected


def test_the_processor_is_always_there():
    assert find_device('cpu', 'device') == torch.device('cpu')


def test_an_absent_device_is_refused_and_not_replaced():
    count = torch.cuda.device_count()
    with pytest.raises(
        ValueError, match=f'parameter device is .* this machine has {count} CUDA devices'
    ):
        find_device(f'cuda:{count}', 'parameter device')


@pytest.mark.parametrize('name', ['gpu', 'mps', ''])
def test_other_names_are_refused(name):
    with pytest.raises(ValueError, match='parameter device is .* expected auto, cpu or cuda:N'):
        find_device(name, 'parameter device')
