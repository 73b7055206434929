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

"""Answers of other methods, networks and data sets lie in other files."""

from pathlib import Path
from types import SimpleNamespace

from emiff_ros.comparison.answer_store import answers_file


def named(method='both sides', identity='0123', root='/data/one', detail=''):
    runner = SimpleNamespace(method=SimpleNamespace(name=method), identity=identity)
    frame = SimpleNamespace(image_path=Path(root) / 'vehicle-side' / 'image' / '000000.jpg')
    return answers_file(Path('answers'), runner, [SimpleNamespace(vehicle=frame)], detail)


def test_whatever_decides_the_answers_names_the_file():
    files = [
        named(),
        named(method='pole'),
        named(identity='4567'),
        named(root='/data/two'),
        named(detail='heading_1'),
    ]
    assert len(set(files)) == len(files)
    assert named() == files[0]
    assert files[0].name.startswith('both_sides-0123-')
