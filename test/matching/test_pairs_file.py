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

"""Pairs of stamps written, read back, and files that are no such table."""

import pytest

from emiff_ros.matching.pairs_file import read_pairs, write_pairs

STAMPS = {1_626_155_123_000_123_456: 1_626_155_122_900_000_001, 2: 1}


def test_pairs_come_back_to_the_nanosecond(tmp_path):
    path = tmp_path / 'pairs.csv'
    write_pairs(path, STAMPS)
    assert read_pairs(path) == STAMPS


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('', 'expected the header'),
        ('a,b\n1,2\n', "begins with 'a,b'"),
        ('vehicle_stamp,station_stamp\n', 'lists no pairs'),
        ('vehicle_stamp,station_stamp\n1,2\n3\n', 'line 3'),
        ('vehicle_stamp,station_stamp\n1,2.5\n', 'line 2'),
        ('vehicle_stamp,station_stamp\n1,2\n1,3\n', 'stamp 1 is listed before'),
    ],
)
def test_what_is_no_table_of_pairs_is_refused(tmp_path, text, said):
    path = tmp_path / 'pairs.csv'
    path.write_text(text)
    with pytest.raises(ValueError, match=said) as caught:
        read_pairs(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r'nowhere\.csv cannot be read \(No such file'):
        read_pairs(tmp_path / 'nowhere.csv')


@pytest.mark.parametrize(
    'data',
    [
        b'\x89MCAP0\r\n',
        b'vehicle_stamp,station_stamp\n1,2\n\xff,3\n',
        b'vehicle_stamp,station_stamp\n"' + bytes(200_000),
    ],
    ids=['other file', 'other encoding', 'endless field'],
)
def test_what_is_no_text_is_refused_with_its_name(tmp_path, data):
    path = tmp_path / 'pairs.csv'
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f'{path} is no CSV file: .*expected the header'):
        read_pairs(path)
