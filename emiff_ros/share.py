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

"""Finds the files that are installed beside the code: weights, configurations, launch files."""

from __future__ import annotations

from pathlib import Path

from emiff_ros.home import expand_home

PACKAGE = 'emiff_ros'


def share_directory() -> Path:
    """Return the package's share folder: the repository when run from it, else the installed one.

    Raises:
        FileNotFoundError: if the package is neither run from its repository nor installed.
    """
    repository = Path(__file__).resolve().parent.parent
    if (repository / 'package.xml').exists():
        return repository
    from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

    try:
        return Path(get_package_share_directory(PACKAGE))
    except PackageNotFoundError as error:
        raise FileNotFoundError(
            f'the share folder of {PACKAGE} was not found: source the workspace that it was '
            'built in'
        ) from error


def find_weights(name: str) -> Path:
    """Return the path of weights given by name (``emiff_small``) or by path.

    Raises:
        FileNotFoundError: naming the shipped weights.
    """
    folder = share_directory() / 'weights'
    for path in (expand_home(name), folder / f'{name}.safetensors'):
        if path.suffix == '.safetensors' and path.is_file():
            return path
    shipped = ', '.join(sorted(path.stem for path in folder.glob('*.safetensors'))) or 'none'
    raise FileNotFoundError(
        f'no weights {name!r}: give the path of a .safetensors file or a shipped name (there '
        f'are: {shipped})'
    )
