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

"""package.xml is valid and complete, and rosdep resolves its keys on every distribution."""

import ast
from pathlib import Path
import re
import sys

from catkin_pkg.package import parse_package
import pytest

from emiff_ros.share import share_directory

ROOT = share_directory()

ROSDEP_KEYS = {
    'ament_cmake',
    'ament_index_python',
    'builtin_interfaces',
    'compressed_image_transport',
    'cv_bridge',
    'diagnostic_msgs',
    'geometry_msgs',
    'launch',
    'launch_ros',
    'lifecycle_msgs',
    'message_filters',
    'nav_msgs',
    'python3-jinja2',
    'python3-matplotlib',
    'python3-numpy',
    'python3-opencv',
    'python3-pil',
    'python3-pydantic',
    'python3-pytest',
    'python3-scipy',
    'python3-shapely',
    'python3-tqdm',
    'python3-yaml',
    'rcl_interfaces',
    'rclpy',
    'rosgraph_msgs',
    'rosidl_default_generators',
    'rosidl_default_runtime',
    'rviz2',
    'sensor_msgs',
    'std_msgs',
    'tf2_msgs',
    'tf2_ros_py',
    'vision_msgs',
    'visualization_msgs',
}
"""Keys that were looked up in rosdistro (rosdep/base.yaml, rosdep/python.yaml and the packages of
Humble, Jazzy, Kilted and Rolling; state of August 2026). Look a new key up before adding it."""

OURS = {'emiff_msgs'}

KEYS_BY_MODULE = {
    'PIL': 'python3-pil',
    'cv2': 'python3-opencv',
    'jinja2': 'python3-jinja2',
    'tf2_ros': 'tf2_ros_py',
    'yaml': 'python3-yaml',
}
"""Modules whose key is neither their name nor python3-NAME."""

PROJECTS_BY_MODULE = {
    'PIL': 'pillow',
    'cv2': 'opencv-python-headless',
    'markupsafe': 'Jinja2',
    'yaml': 'PyYAML',
}
"""Modules that come with a project of another name."""


def manifests():
    return [path for path in (ROOT, ROOT / 'emiff_msgs') if (path / 'package.xml').is_file()]


def imported_modules():
    """Return the top-level modules outside the standard library that the package imports."""
    found = set()
    for path in sorted((ROOT / 'emiff_ros').rglob('*.py')) + sorted(ROOT.glob('launch/*.py')):
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            if isinstance(node, ast.Import):
                found |= {name.name.split('.')[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module.split('.')[0])
    return found - set(sys.stdlib_module_names) - {'emiff_ros'}


def python_requirements():
    """Return the names in requirements.txt."""
    lines = (ROOT / 'environment' / 'requirements.txt').read_text(encoding='utf-8').splitlines()
    names = (re.match(r'[\w.-]+', line) for line in lines if not line.startswith('#'))
    return {name.group().lower() for name in names if name}


@pytest.mark.parametrize('folder', manifests(), ids=lambda path: path.name)
def test_the_manifest_is_valid(folder):
    warnings = []
    package = parse_package(str(folder), warnings=warnings)
    assert warnings == []
    assert package.package_format == 3
    assert package.licenses == ['Apache-2.0']


@pytest.mark.parametrize('folder', manifests(), ids=lambda path: path.name)
def test_every_key_is_known_to_rosdep(folder):
    package = parse_package(str(folder))
    keys = {
        dependency.name
        for kind in ('buildtool', 'build', 'build_export', 'exec', 'test')
        for dependency in getattr(package, f'{kind}_depends')
    }
    assert keys - OURS <= ROSDEP_KEYS


def test_every_imported_module_comes_from_a_key_or_a_requirement():
    declared = {dependency.name for dependency in parse_package(str(ROOT)).exec_depends}
    required = python_requirements()
    unknown = {
        module
        for module in imported_modules()
        if KEYS_BY_MODULE.get(module, module) not in declared
        and f'python3-{module.lower()}' not in declared
        and PROJECTS_BY_MODULE.get(module, module).lower() not in required
    }
    assert unknown == set()


def test_the_docs_say_how_to_install_what_rosdep_does_not_have():
    text = (Path(ROOT) / 'docs' / 'installation.md').read_text(encoding='utf-8').lower()
    declared = {dependency.name for dependency in parse_package(str(ROOT)).exec_depends}
    modules = imported_modules()
    by_pip = {
        project
        for project in python_requirements()
        if project in modules and f'python3-{project}' not in declared
    }
    assert {'torch', 'safetensors'} <= by_pip
    assert {name for name in by_pip if name not in text} == set()
