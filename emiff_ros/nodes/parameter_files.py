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

"""Writes what people read about the parameters: default files, a JSON schema and tables."""

from __future__ import annotations

from collections.abc import Iterable
import json
from pathlib import Path
from typing import Any

import yaml

from emiff_ros.nodes.parameters import Parameter
from emiff_ros.nodes.specifications import INFRASTRUCTURE, LOSSY_LINK, VEHICLE

SPECIFICATIONS = {
    'infrastructure_node': INFRASTRUCTURE,
    'vehicle_node': VEHICLE,
    'lossy_link_node': LOSSY_LINK,
}

_JSON_TYPES = {bool: 'boolean', int: 'integer', float: 'number', str: 'string', list: 'array'}


def default_file(specification: Iterable[Parameter]) -> str:
    """Return a parameter file with all defaults, each under its description."""
    lines = ['/**:', '  ros__parameters:']
    for item in specification:
        unit = f' [{item.unit}]' if item.unit else ''
        lines += ['', f'    # {item.description}{unit}']
        if item.choices:
            lines.append(f'    # One of: {", ".join(item.choices)}.')
        value = yaml.safe_dump(item.default, default_flow_style=True).split('\n...')[0].strip()
        lines.append(f'    {item.name}: {value}')
    return '\n'.join(lines) + '\n'


def json_schema(node: str, specification: Iterable[Parameter]) -> dict[str, Any]:
    """Return a JSON schema of one node's ``ros__parameters``."""
    properties = {}
    for item in specification:
        entry: dict[str, Any] = {
            'type': _JSON_TYPES[type(item.default)],
            'description': item.description,
            'default': item.default,
            'readOnly': not item.run_time,
        }
        if item.choices:
            entry['enum'] = list(item.choices)
        if item.minimum is not None:
            entry['minimum'] = item.minimum
        if item.maximum is not None:
            entry['maximum'] = item.maximum
        properties[item.name] = entry
    return {
        '$schema': 'https://json-schema.org/draft/2020-12/schema',
        'title': f'Parameters of {node}',
        'type': 'object',
        'properties': properties,
        'additionalProperties': False,
    }


def markdown_table(specification: Iterable[Parameter]) -> str:
    """Return a table for the documentation."""
    lines = ['| parameter | default | at run time | meaning |', '|---|---|---|---|']
    for item in specification:
        unit = f' [{item.unit}]' if item.unit else ''
        meaning = f'{item.description}{unit}'
        if item.choices:
            meaning += f' One of: {", ".join(item.choices)}.'
        meaning += _limits(item.minimum, item.maximum)
        changes = 'yes' if item.run_time else 'no'
        lines.append(f'| `{item.name}` | `{json.dumps(item.default)}` | {changes} | {meaning} |')
    return '\n'.join(lines) + '\n'


def _limits(minimum: float | None, maximum: float | None) -> str:
    if minimum is None:
        return '' if maximum is None else f' At most {maximum}.'
    return f' At least {minimum}.' if maximum is None else f' From {minimum} to {maximum}.'


def files(root: Path) -> dict[Path, str]:
    """Return every generated file below ``root`` with its content."""
    contents = {}
    for node, specification in SPECIFICATIONS.items():
        contents[root / 'config' / f'{node}.param.yaml'] = default_file(specification)
        schema = json.dumps(json_schema(node, specification), indent=2) + '\n'
        contents[root / 'config' / 'schema' / f'{node}.schema.json'] = schema
        contents[root / 'docs' / 'parameters' / f'{node}.md'] = markdown_table(specification)
    return contents
