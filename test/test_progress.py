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

"""Progress in a terminal and in a log."""

import io

import pytest

from emiff_ros import progress
from emiff_ros.progress import progress_bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def shown(monkeypatch):
    """Return a function that lets a bar of three pairs go to a stream; return what it wrote."""
    monkeypatch.setattr(progress, 'LOG_INTERVAL', 0.0)

    def write_to(stream, **options):
        monkeypatch.setattr('sys.stderr', stream)
        with progress_bar(3, 'scenes', 'pair', **options) as bar:
            for _ in range(3):
                bar.update()
        return stream.getvalue()

    return write_to


def test_a_log_has_a_line_for_each_state(shown):
    written = shown(io.StringIO())
    assert '\r' not in written
    lines = written.splitlines()
    assert lines[0].startswith('scenes:   0%')
    assert lines[-1].startswith('scenes: 100%')
    assert all('/3 [' in line for line in lines)


def test_a_terminal_has_one_line(shown):
    written = shown(Terminal())
    assert written.count('\n') == 1
    assert 'scenes: 100%' in written


@pytest.mark.parametrize('stream', [io.StringIO(), Terminal()])
def test_nothing_is_shown_on_request(shown, stream):
    assert shown(stream, shown=False) == ''
