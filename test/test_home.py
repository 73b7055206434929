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

"""Home folders in paths."""

from pathlib import Path

from emiff_ros.home import expand_home


def test_a_home_folder_is_put_in(monkeypatch):
    monkeypatch.setenv('HOME', '/somewhere')
    assert expand_home('~/bags') == Path('/somewhere/bags')
    assert expand_home(Path('/a/~')) == Path('/a/~')


def test_that_of_an_unknown_user_stays_as_it_is():
    assert expand_home('~nobody-of-this-name/bags') == Path('~nobody-of-this-name/bags')
