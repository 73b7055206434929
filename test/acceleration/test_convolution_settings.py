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

"""Process-wide settings come back as they were, however calls overlap."""

import pytest
from torch.backends import cudnn

from emiff_ros.acceleration.convolution_settings import convolution_settings


@pytest.fixture(autouse=True)
def settings_of_before(monkeypatch):
    monkeypatch.setattr(cudnn, 'benchmark', False)
    monkeypatch.setattr(cudnn, 'allow_tf32', True)


def test_the_first_call_that_ends_takes_nothing_from_the_other():
    first, second = (convolution_settings(autotune=True, tf32=False) for _ in range(2))
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert (cudnn.benchmark, cudnn.allow_tf32) == (True, False)
    second.__exit__(None, None, None)
    assert (cudnn.benchmark, cudnn.allow_tf32) == (False, True)


def test_an_error_restores_them():
    with pytest.raises(KeyError), convolution_settings(autotune=True, tf32=False):
        raise KeyError
    assert (cudnn.benchmark, cudnn.allow_tf32) == (False, True)
