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

"""The command that stands beside results."""

import pytest

from emiff_ros.commands.command_line import command_line


@pytest.mark.parametrize(
    'started_as',
    [
        ['/repository/emiff_ros/__main__.py', 'compare'],
        ['/workspace/install/emiff_ros/lib/emiff_ros/compare'],
    ],
)
def test_the_command_is_whole_however_it_was_started(monkeypatch, started_as):
    monkeypatch.setattr('sys.argv', [*started_as, 'a folder', '-o', 'out'])
    assert command_line('compare') == "python -m emiff_ros compare 'a folder' -o out"
