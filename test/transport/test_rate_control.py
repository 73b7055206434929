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

"""A message never exceeds its budget, whatever the feature, and uses it well."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
import numpy as np
import pytest
from transport.test_rans_coder import relu_map

from emiff_ros.transport.codec import decode_feature
from emiff_ros.transport.coding import RANS
from emiff_ros.transport.errors import BudgetError, NonFiniteError, ShapeError
from emiff_ros.transport.quantization import Quantization
from emiff_ros.transport.rate_control import (
    PROFILES,
    RUNGS,
    RateController,
    _Encoding,
    _without_channels,
)

OVERHEAD = 380
FLOATS = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 6), st.integers(1, 12), st.integers(1, 12)),
    elements=st.one_of(
        st.floats(-(2.0**119), 2.0**119, width=32), st.floats(0, 1, width=32), st.just(0.0)
    ),
)


def serialize(encoded):
    return bytes(OVERHEAD) + bytes(encoded.scale) + bytes(encoded.zero_point) + encoded.payload


def test_a_feature_whose_floats_no_payload_holds_is_sent_coarser():
    tensor = np.random.default_rng(0).random((2, 800, 800), np.float32)
    decision = RateController().encode(tensor, 4_000_000, serialize, 'float32', 'raw')
    assert decision.rung.quantization is Quantization.FLOAT16


@settings(max_examples=80, deadline=None)
@given(FLOATS, st.integers(OVERHEAD + 52, 1500), st.sampled_from(list(Quantization)))
def test_never_exceeds_the_budget(tensor, budget, finest):
    decision = RateController().encode(tensor, budget, serialize, finest)
    assert decision.message == serialize(decision.encoded)
    assert len(decision.message) == decision.message_bytes <= budget
    assert decision.rung.quantization >= finest
    decoded = decode_feature(decision.encoded)
    assert decoded.shape == tensor.shape


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=5), st.sampled_from([900, 1200, 3000]))
def test_what_came_before_does_not_lift_the_budget(seeds, budget):
    controller = RateController()
    for seed in seeds:
        feature = relu_map(1 + seed % 4, seed=seed)
        assert controller.encode(feature, budget, serialize).message_bytes <= budget


def test_a_generous_budget_keeps_the_finest_format():
    tensor = relu_map(4)
    decision = RateController().encode(tensor, PROFILES['lan'], serialize, 'float32')
    assert decision.rung == RUNGS[0]
    np.testing.assert_array_equal(decode_feature(decision.encoded), tensor)


def test_a_smaller_budget_never_gives_a_finer_rung():
    tensor = relu_map(4)
    order = [
        RUNGS.index(RateController().encode(tensor, budget, serialize, 'float32').rung)
        for budget in (60000, 25000, 12000, 6000, 4000, 2500, 1500, 1000, 700)
    ]
    assert order == sorted(order)
    assert len(set(order)) > 5


def test_a_budget_that_costs_content_says_so():
    costs = [
        RateController().encode(relu_map(4), budget, serialize).costs_content
        for budget in (60000, 2500, 700)
    ]
    assert costs == [False, False, True]


def test_the_budget_is_used():
    decision = RateController().encode(relu_map(4), 2500, serialize)
    assert decision.message_bytes > 0.75 * 2500


def test_the_search_goes_on_where_the_last_one_ended():
    calls = []

    def counting(encoded):
        calls.append(encoded)
        return serialize(encoded)

    controller = RateController()
    first = controller.encode(relu_map(4), 1500, counting)
    before = len(calls)
    again = controller.encode(relu_map(4), 1500, counting)
    assert again.rung == first.rung
    assert len(calls) - before <= 2
    controller.encode(relu_map(4), 60000, counting)
    assert controller.encode(relu_map(4), 60000, counting).rung.levels == 255


def test_channels_of_least_energy_go_first():
    tensor = np.random.default_rng(0).random((4, 16, 16), np.float32)
    tensor *= np.array([4, 1, 3, 2], np.float32)[:, None, None]
    encoding = _Encoding(np.ones((16, 16), np.float32), serialize, RANS)
    decision = _without_channels(tensor, RUNGS[2], OVERHEAD + 32 + 600, encoding)
    assert decision.dropped_channels == 2
    decoded = decode_feature(decision.encoded)
    assert decoded[[0, 2]].max(axis=(1, 2)).min() > 2
    assert not decoded[[1, 3]].any()


def test_values_beyond_float16_skip_that_format():
    tensor = np.full((1, 20, 20), 1e6, np.float32)
    tensor[0, :10] = np.random.default_rng(0).random((10, 20)) * 1e6
    decision = RateController().encode(tensor, 1000, serialize, 'float16')
    assert decision.rung.quantization is Quantization.INT8


def test_precision_goes_where_it_is_important():
    tensor = relu_map(4)
    upper = np.full((36, 64), 0.01, np.float32)
    upper[:18] = 1
    errors = {}
    for name, importance in (('even', None), ('upper', upper)):
        decision = RateController().encode(tensor, 1500, serialize, importance=importance)
        assert decision.message_bytes <= 1500
        error = np.abs(decode_feature(decision.encoded) - tensor)
        errors[name] = error[:, :18].mean(), error[:, 18:].mean()
    assert errors['upper'][0] < 0.75 * errors['even'][0]
    assert errors['upper'][1] > errors['even'][1]


def test_importance_of_another_shape_is_named():
    with pytest.raises(ShapeError, match='expected \\[36, 64\\]'):
        RateController().encode(relu_map(), 1500, serialize, importance=np.ones((36, 63)))


def test_an_impossible_budget_is_named():
    with pytest.raises(BudgetError, match='budget of 100 bytes'):
        RateController().encode(relu_map(), 100, serialize)


@pytest.mark.parametrize(
    ('tensor', 'error'),
    [
        (np.zeros((3, 4)), ShapeError),
        ([[['x']]], ShapeError),
        (np.full((1, 2, 2), np.nan), NonFiniteError),
    ],
)
def test_unusable_tensors_are_named(tensor, error):
    with pytest.raises(error):
        RateController().encode(tensor, 1000, serialize)
