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

"""The command line: ``python -m emiff_ros VERB ...`` and ``ros2 run emiff_ros VERB ...``."""

from __future__ import annotations

import argparse
from importlib import import_module
import logging
from pathlib import Path
import sys

from emiff_ros.verbs import NODES, VERBS


def _help() -> str:
    width = max(map(len, VERBS))
    lines = [f'  {verb:<{width}}  {text}' for verb, (_, text) in VERBS.items()]
    return '\n'.join(['usage: python -m emiff_ros VERB [options]', '', 'verbs:', *lines, ''])


def main(arguments: list[str] | None = None) -> int:
    """Run one verb and return the exit status of the process.

    Args:
        arguments: verb and options; by default those of the process. An executable that is called
            like a verb (``ros2 run emiff_ros VERB``) needs no verb argument.
    """
    if arguments is None:
        arguments = sys.argv[1:]
        name = Path(sys.argv[0]).name
        if name in VERBS:
            arguments = [name, *arguments]
    if not arguments or arguments[0] in ('-h', '--help'):
        print(_help())
        return 0 if arguments else 2
    verb, *options = arguments
    if verb not in VERBS:
        print(f'emiff_ros: no verb {verb!r}; there are: {", ".join(VERBS)}', file=sys.stderr)
        return 2
    try:
        return _run(verb, options)
    except KeyboardInterrupt:  # also while modules are imported, which takes seconds
        return 0 if verb in NODES else 130
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split('.')[0] == __package__:
            raise
        print(f'emiff_ros: {_missing_module(error.name)}', file=sys.stderr)
        return 1


def _run(verb: str, options: list[str]) -> int:
    module_name, _ = VERBS[verb]
    module = import_module(module_name)
    if verb in NODES:
        return module.main(options)
    logging.basicConfig(level=logging.INFO, format='%(message)s')
    parser = argparse.ArgumentParser(
        prog=f'python -m emiff_ros {verb}',
        description=module.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    module.add_arguments(parser)
    try:
        return module.run(parser.parse_args(options))
    except (ValueError, OSError) as error:
        print(f'emiff_ros {verb}: {error}', file=sys.stderr)
        return 1


def _missing_module(name: str) -> str:
    """Say in one sentence how to get a module that is not installed."""
    top = name.split('.')[0]
    if top == 'rclpy':
        return (
            'rclpy is missing: source a ROS 2 installation, or run through `make`, which '
            'brings its own.'
        )
    if top.endswith('_msgs') or top in ('message_filters', 'cv_bridge'):
        return (
            f'{top} is missing: build or install it (`colcon build`, `rosdep install`) and '
            'source the workspace.'
        )
    return (
        f'the Python package {top!r} is missing: `pip install -r '
        'environment/requirements.txt` brings it.'
    )
