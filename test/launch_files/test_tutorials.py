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

"""The documentation names launch files, arguments, verbs and pages that exist."""

from pathlib import Path
import re

import pytest

from emiff_ros.share import share_directory
from emiff_ros.verbs import VERBS

ROOT = share_directory()
PAGES = [ROOT / 'README.md', ROOT / 'SECURITY.md', *sorted((ROOT / 'docs').rglob('*.md'))]

pytestmark = pytest.mark.skipif(not (ROOT / 'docs').is_dir(), reason='needs the repository')


def commands(page):
    """Return the lines of a page with continuation lines joined."""
    return page.read_text(encoding='utf-8').replace('\\\n', ' ').splitlines()


def anchors(page):
    headings = re.findall(r'^#+ (.*)$', page.read_text(encoding='utf-8'), flags=re.MULTILINE)
    return {re.sub(r'[^\w\- ]', '', text.lower()).strip().replace(' ', '-') for text in headings}


def test_launch_commands_name_files_and_arguments_that_exist(launch_file):
    seen = 0
    for page in PAGES:
        for line in commands(page):
            found = re.search(r'ros2 launch emiff_ros (\w+)\.launch\.py([^`#]*)', line)
            if found is None:
                continue
            name, arguments = found.groups()
            values = {'source': 'live'} if name in ('cooperative', 'replay') else {}
            declared = launch_file(name, **values).declared
            for argument in re.findall(r'(\S+):=', arguments):
                assert argument in declared, f'{page.name}: {line}'
            seen += 1
    assert seen > 10


def test_verbs_exist():
    pattern = r'(?:ros2 run emiff_ros|python -m emiff_ros) ([a-z][\w-]*)'
    named = {
        (page.name, verb)
        for page in PAGES
        for line in commands(page)
        for verb in re.findall(pattern, line)
    }
    assert {verb for _, verb in named} > {'play-bag', 'convert-bag', 'evaluate', 'lossy_link_node'}
    assert {item for item in named if item[1] not in VERBS} == set()


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    for link in re.findall(r'\]\(([^)\s]+)\)', page.read_text(encoding='utf-8')):
        if link.startswith(('http:', 'https:')):
            continue
        path, _, anchor = link.partition('#')
        target = (page.parent / path).resolve() if path else Path(page)
        assert target.exists(), f'{page.name}: {link}'
        assert not anchor or anchor in anchors(target), f'{page.name}: {link}'
