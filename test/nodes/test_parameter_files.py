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

import json

import pytest
import yaml

from emiff_ros.nodes.parameter_files import SPECIFICATIONS, files
from emiff_ros.share import share_directory


@pytest.mark.parametrize('path', sorted(map(str, files(share_directory()))))
def test_the_files_say_what_the_specification_says(path):
    contents = {str(key): text for key, text in files(share_directory()).items()}
    with open(path) as file:
        assert file.read() == contents[path], 'run: python -m emiff_ros parameters'


@pytest.mark.parametrize('node', SPECIFICATIONS)
def test_defaults_lie_inside_their_own_limits(node):
    for item in SPECIFICATIONS[node]:
        item.check(item.default)
        if item.minimum is not None:
            assert item.default >= item.minimum
        if item.maximum is not None:
            assert item.default <= item.maximum


@pytest.mark.parametrize('node', SPECIFICATIONS)
def test_the_default_file_and_the_schema_name_the_same_parameters(node):
    root = share_directory()
    values = yaml.safe_load((root / 'config' / f'{node}.param.yaml').read_text())
    schema = json.loads((root / 'config' / 'schema' / f'{node}.schema.json').read_text())
    assert set(values['/**']['ros__parameters']) == set(schema['properties'])
