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

"""Fixtures of the acceleration tests: the golden cases' networks, on every device there is."""

import functools

from model.golden_cases import GOLDEN, SMALL, SMALL_S4
import numpy as np
import pytest
import torch

DEVICES = ['cpu'] + (['cuda'] if torch.cuda.is_available() else [])

CASES = {case.name: case for case in (SMALL, SMALL_S4)}


@pytest.fixture(params=DEVICES)
def device(request):
    return torch.device(request.param)


@pytest.fixture(params=list(CASES))
def case(request):
    return CASES[request.param]


@functools.cache
def _model(name):
    return CASES[name].model()


@functools.cache
def _golden(name):
    with np.load(GOLDEN / f'golden_{name}.npz') as golden:
        return dict(golden)


@pytest.fixture
def model_of():
    return lambda case: _model(case.name)


@pytest.fixture
def golden_of():
    return lambda case: _golden(case.name)
