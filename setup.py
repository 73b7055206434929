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

"""Installs emiff_ros as an ament_python package."""

import os
from pathlib import Path
import sys

from setuptools import find_packages, setup

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from emiff_ros.verbs import VERBS

PACKAGE = 'emiff_ros'


def shared(folder: str, *patterns: str) -> list[tuple[str, list[str]]]:
    """List the files of ``folder`` for installation below the package's share folder."""
    found: dict[str, list[str]] = {}
    for pattern in patterns:
        for path in sorted(Path(folder).glob(pattern)):
            found.setdefault(f'share/{PACKAGE}/{path.parent}', []).append(str(path))
    return sorted(found.items())


setup(
    name=PACKAGE,
    version='0.1.0',
    packages=find_packages(include=[PACKAGE, f'{PACKAGE}.*']),
    package_data={'emiff_ros.viz': ['templates/*']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{PACKAGE}']),
        (f'share/{PACKAGE}', ['package.xml']),
        *shared('launch', '*.launch.py'),
        *shared('config', '**/*.yaml', '**/*.rviz', '**/*.json', 'dds/*', 'sros2/*'),
        *shared('weights', '*.safetensors', '*.yaml', '*.json'),
    ],
    install_requires=['setuptools'],
    extras_require={'test': ['hypothesis', 'pytest']},
    zip_safe=True,
    maintainer='emiff_ros maintainers',
    maintainer_email='emiff-ros@example.org',
    description='Cooperative 3D detection from a roadside and a vehicle camera (EMIFF)',
    license='Apache-2.0',
    entry_points={'console_scripts': [f'{verb} = emiff_ros.cli:main' for verb in VERBS]},
)
