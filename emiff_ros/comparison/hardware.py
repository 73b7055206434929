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

"""What a measurement ran on."""

import torch

from emiff_ros.device import find_device
from emiff_ros.processor import processor_name


def describe_hardware(device: str = 'cpu') -> str:
    """Return processor (or GPU), number of threads and torch's version in one line."""
    found = find_device(device, 'device')
    if found.type == 'cuda':
        return f'{torch.cuda.get_device_name(found)}, torch {torch.__version__}'
    return f'{processor_name()}, {torch.get_num_threads()} threads, torch {torch.__version__}'
