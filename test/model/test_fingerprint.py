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

"""The identity of a network."""

import pytest
import torch

from emiff_ros.model import Emiff, EmiffConfig
from emiff_ros.model.fingerprint import fingerprint


def test_same_weights_same_fingerprint(make_model):
    assert fingerprint(make_model()) == fingerprint(make_model())
    assert len(bytes.fromhex(fingerprint(make_model()))) == 32


def test_every_change_of_weights_or_architecture_shows(make_model):
    model = make_model()
    seen = {fingerprint(model), fingerprint(make_model(sampling='bilinear'))}
    with torch.no_grad():
        model.head.classify.bias[0] += 1e-6
    seen.add(fingerprint(model))
    model.neck.layers[0].first[1].running_mean[0] += 1e-6
    seen.add(fingerprint(model))
    assert len(seen) == 4


def test_thresholds_counters_and_mode_do_not_show(make_model):
    model = make_model()
    expected = fingerprint(model)
    assert fingerprint(make_model(detection={'score_threshold': 0.4})) == expected
    model.train().channel_masking.camera_norm.num_batches_tracked += 3
    assert fingerprint(model) == expected


def test_half_a_network_has_none(tiny_values):
    half = Emiff(EmiffConfig.from_dict(tiny_values), with_infrastructure_encoder=False)
    with pytest.raises(ValueError, match='no infrastructure encoder'):
        fingerprint(half)
