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

"""The page about the network says what the released configuration does."""

from pathlib import Path
import re

from model.shipped import shipped_config
import pytest
import torch

from emiff_ros.model import Camera, Emiff, InfrastructureView, StageRecorder

ROOT = Path(__file__).parents[2]
PAGE = ROOT / 'docs' / 'network.md'


def table():
    """Return (stages, class, file, shapes) of each row; shapes of its first and last stage."""
    rows = []
    for line in PAGE.read_text(encoding='utf-8').splitlines():
        cells = [cell.strip() for cell in line.split('|')[1:-1]]
        if len(cells) == 6 and cells[2].endswith('.py`'):
            names = re.findall(r'`(\w+)`', cells[0])
            shapes = [[int(size) for size in shape.split('×')] for shape in cells[4].split(' … ')]
            rows.append((names, cells[1].split('`')[1], cells[2].strip('`'), shapes))
    return rows


@pytest.fixture(scope='module')
def stages():
    """Run the released network without numbers."""
    config = shipped_config('emiff_r50')
    with torch.device('meta'):
        model = Emiff(config).eval()
        image = torch.zeros(1, 3, *config.padded_size)
    size = (config.image_height, config.image_width)
    camera = Camera(torch.eye(3), torch.eye(3, 4), size)
    with StageRecorder() as recorder, torch.no_grad():
        model.forward_maps(image, camera, [InfrastructureView(camera, image=image)])
    return recorder.stages


def test_shapes_are_those_of_the_released_network(stages):
    for names, _, _, shapes in table():
        assert set(names) <= stages.keys()
        for name, shape in ((names[0], shapes[0]), (names[-1], shapes[-1])):
            assert list(stages[name].shape[-len(shape) :]) == shape, name


def test_no_stage_is_left_out(stages):
    named = {re.sub(r'\d', '', name) for names, *_ in table() for name in names}
    assert {re.sub(r'\d', '', name) for name in stages} - named == {'img'}


def test_classes_are_where_the_table_says():
    for _, name, file, _ in table():
        source = (ROOT / 'emiff_ros' / 'model' / file).read_text(encoding='utf-8')
        assert f'class {name}(' in source or f'class {name}:' in source


def test_named_tests_exist():
    """Each quirk has a test that names it."""
    tests = dict.fromkeys(re.findall(r'(test_\w+)\.py::(test_\w+)', PAGE.read_text('utf-8')))
    assert len(tests) > 15
    for module, name in tests:
        sources = [path.read_text('utf-8') for path in (ROOT / 'test').rglob(f'{module}.py')]
        assert any(f'def {name}(' in source for source in sources), f'{module}::{name}'
