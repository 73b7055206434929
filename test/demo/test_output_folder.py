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

"""The folder of a demo: only what a demo wrote is ever deleted."""

import pytest

from emiff_ros.demo.output_folder import WRITTEN, check_output_folder, make_output_folder


def test_a_new_folder_is_made(tmp_path):
    make_output_folder(tmp_path / 'a' / 'b')
    assert list((tmp_path / 'a' / 'b').iterdir()) == []


def test_results_of_an_earlier_demo_go(tmp_path):
    for name in WRITTEN:
        path = tmp_path / name
        if path.suffix:
            path.write_text('old')
        else:
            (path / 'drive').mkdir(parents=True)
    make_output_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_anything_else_is_refused_and_kept(tmp_path):
    for name in ('metrics.json', 'thesis.tex'):
        (tmp_path / name).write_text('mine')
    with pytest.raises(ValueError, match=r'holds thesis\.tex, which no demo wrote'):
        make_output_folder(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {'metrics.json', 'thesis.tex'}


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / 'out').write_text('mine')
    with pytest.raises(OSError, match='exists'):
        make_output_folder(tmp_path / 'out')


def test_a_check_makes_and_deletes_nothing(tmp_path):
    (tmp_path / 'metrics.json').write_text('old')
    check_output_folder(tmp_path)
    check_output_folder(tmp_path / 'new')
    assert [path.name for path in tmp_path.iterdir()] == ['metrics.json']
    with pytest.raises(NotADirectoryError):
        check_output_folder(tmp_path / 'metrics.json')
