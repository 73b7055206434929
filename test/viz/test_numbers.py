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

"""Numbers as the report writes them."""

import math

import pytest
from viz.scene import metrics

from emiff_ros.viz.numbers import (
    MISSING,
    ap_rows,
    balance,
    byte_size,
    check_metrics,
    counter_rows,
    difference,
    milliseconds,
    percent,
    range_rows,
    rate,
    share,
)


@pytest.mark.parametrize(
    ('value', 'text'),
    [(0, '0 B'), (999, '999 B'), (1000, '1 kB'), (2093.2, '2.09 kB'), (1.5e6, '1.5 MB')],
)
def test_bytes_have_decimal_units(value, text):
    assert byte_size(value) == text


def test_units_follow_the_size():
    assert milliseconds(71.3) == '71 ms'
    assert milliseconds(4.25) == '4.2 ms'
    assert percent(46.23) == '46.2'
    assert share(0.56) == '56 %'
    assert rate(9.71) == '9.7 Hz'
    assert difference(46.23, 24.6) == '+21.6'
    assert difference(20.0, 24.6) == '-4.6'


@pytest.mark.parametrize('write', [byte_size, milliseconds, percent, share, rate])
@pytest.mark.parametrize('value', [None, math.nan])
def test_what_is_missing_is_a_dash(write, value):
    assert write(value) == MISSING
    assert difference(value, 1.0) == MISSING


def test_rows_compare_both_results():
    row = ap_rows(metrics())[0]
    assert (row.label, row.cooperative, row.vehicle_only, row.gain) == (
        'AP BEV @ IoU 0.5',
        '46.2',
        '24.6',
        '+21.6',
    )


def test_ranges_compare_both_results_without_the_headline():
    assert range_rows(metrics(ranges=None)) == []
    near, far = range_rows(metrics())
    assert (near.label, near.cooperative, near.vehicle_only, near.gain) == (
        '0-30 m',
        '58.1',
        '44.0',
        '+14.1',
    )
    assert (far.label, far.cooperative, far.vehicle_only, far.gain) == (
        '30-50 m',
        '45.0',
        MISSING,
        MISSING,
    )


def test_counters_by_cause_are_flattened():
    counters = {'received': 3, 'refused': {'zero_stamp': 1, 'late': 2}}
    assert counter_rows(counters) == [
        ('received', 3),
        ('refused, zero stamp', 1),
        ('refused, late', 2),
    ]
    assert counter_rows({'refused.zero_stamp': 1}) == [('refused, zero stamp', 1)]


def test_counters_add_up_or_say_so():
    parts = ('published', 'replaced', 'refused')
    counters = {'received': 60, 'published': 58, 'replaced': 1, 'refused': 1, 'refused.late': 1}
    found = balance(counters, parts, 'under way')
    assert found.sentence == '60 received = 58 published + 1 replaced + 1 refused'
    assert found.holds
    found = balance({**counters, 'received': 62}, parts, 'under way')
    assert found.sentence.endswith('+ 1 refused + 2 under way')
    assert found.holds
    assert not balance({**counters, 'received': 50}, parts, 'under way').holds
    assert balance({'vehicle_node': counters}, parts, 'under way') is None


def test_every_missing_entry_is_named():
    incomplete = metrics(payload_bytes={'mean': 1.0}, cooperative=None)
    del incomplete['rate_hz']
    with pytest.raises(ValueError, match='cooperative.ap_bev_50') as error:
        check_metrics(incomplete)
    assert 'payload_bytes.max' in str(error.value)
    assert 'rate_hz' in str(error.value)
    assert 'vehicle_only' not in str(error.value)
    assert check_metrics(metrics())['frames'] == 60
