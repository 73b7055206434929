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

"""Results name the commit of this package, never that of a repository around it."""

from pathlib import Path
import subprocess

import pytest

from emiff_ros import provenance


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Make a repository with one commit and this package's file in it, not added; return both."""

    def git(*arguments):
        identity = ['-c', 'user.name=somebody', '-c', 'user.email=somebody@example.org']
        return subprocess.run(
            ['git', '-C', str(tmp_path), *identity, *arguments],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    git('init')
    git('commit', '--allow-empty', '--message', 'of something else')
    file = tmp_path / 'site-packages' / 'provenance.py'
    file.parent.mkdir()
    file.write_bytes(Path(provenance.__file__).read_bytes())
    monkeypatch.setattr(provenance, '__file__', str(file))
    return git


def test_code_inside_another_repository_has_no_commit(repository):
    assert provenance.git_commit() is None


def test_code_of_the_repository_has_its_commit(repository):
    repository('add', '.')
    repository('commit', '--message', 'with this package')
    assert provenance.git_commit() == repository('rev-parse', 'HEAD')


def test_without_a_repository_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, '__file__', str(tmp_path / 'provenance.py'))
    assert provenance.git_commit() is None
