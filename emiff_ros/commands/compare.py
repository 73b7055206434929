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

"""Compare trained networks on the pairs of a DAIR-V2X-C folder: one table of AP, bytes and time.

Every method answers the same pairs. Answers are kept in OUTPUT/answers (result files that
``evaluate`` reads too), so that an interrupted comparison goes on where it was. The table is
written as OUTPUT/table.md and OUTPUT/table.csv.
"""

import argparse
import logging
from pathlib import Path

from emiff_ros.commands.command_line import command_line
from emiff_ros.comparison.compare import compare
from emiff_ros.comparison.hardware import describe_hardware
from emiff_ros.comparison.methods import Method
from emiff_ros.comparison.table import to_csv, to_markdown
from emiff_ros.dair.evaluation import PROTOCOLS
from emiff_ros.dair.frames import CooperativePair
from emiff_ros.dair.reader import DairFolder
from emiff_ros.provenance import git_commit
from emiff_ros.share import find_weights
from emiff_ros.spread import evenly_spread
from emiff_ros.transport.quantization import Quantization

_logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    add_methods(parser)
    parser.add_argument(
        '--frame-delay',
        type=int,
        default=0,
        metavar='K',
        help='take the roadside image that is K frames older (VIC-Async-K); pairs without one '
        'are left out',
    )


def add_methods(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose networks, pairs and the way to measure."""
    parser.add_argument('dair_root', type=Path, help='DAIR-V2X-C folder')
    parser.add_argument(
        '--method',
        dest='methods',
        action='append',
        default=[],
        type=_one_network,
        metavar='NAME=WEIGHTS',
        help='one network (any modality); repeat for more rows',
    )
    parser.add_argument(
        '--alone',
        dest='methods',
        action='append',
        type=_alone,
        metavar='NAME=WEIGHTS',
        help='a cooperative network without its roadside view',
    )
    parser.add_argument(
        '--late',
        dest='methods',
        action='append',
        type=_late,
        metavar='NAME=VEHICLE,INFRASTRUCTURE',
        help='late fusion of a vehicle network and an infrastructure_only one',
    )
    parser.add_argument('--split', help='only the pairs of this split, such as val')
    parser.add_argument('--split-file', type=Path, help='JSON with cooperative_split')
    parser.add_argument('--pairs', type=int, default=0, help='at most so many, spread evenly')
    parser.add_argument(
        '--protocol', choices=sorted(PROTOCOLS), default='opendairv2x', help='default: %(default)s'
    )
    parser.add_argument(
        '--quantization',
        choices=[kind.name.lower() for kind in Quantization],
        default='int8',
        help='of transmitted features (default: %(default)s)',
    )
    parser.add_argument('--device', default='cpu', help='auto, cpu (default) or cuda:N')
    parser.add_argument('-o', '--output', type=Path, required=True, help='folder to write')


def run(arguments: argparse.Namespace) -> int:
    """Compare, print and write the table."""
    methods = methods_of(arguments)
    folder, pairs = chosen_pairs(arguments)
    delay, output = arguments.frame_delay, arguments.output
    answers = output / 'answers'
    if delay:
        found = [folder.delayed(pair, delay) for pair in pairs]
        pairs = [pair for pair in found if pair is not None]
        answers = output / f'answers_delay_{delay}'
    rows = list(compare(methods, pairs, arguments.protocol, answers, arguments.device))
    facts = {
        'data': folder.root.parent.name,
        'split': arguments.split or 'all pairs',
        'roadside delay': f'{delay} frames (VIC-Async-{delay})' if delay else 'none (VIC-Sync)',
        'features': f'{arguments.quantization}, zstd',
        'hardware': describe_hardware(arguments.device),
        'commit': git_commit() or 'unknown',
        'command': command_line('compare'),
    }
    text = to_markdown(rows, facts)
    (output / 'table.md').write_text(text, encoding='utf-8')
    (output / 'table.csv').write_text(to_csv(rows, facts), encoding='utf-8')
    print(text)
    _logger.info('written to %s and table.csv', output / 'table.md')
    return 0


def methods_of(arguments: argparse.Namespace) -> list[Method]:
    """Return the methods that were named.

    Raises:
        ValueError: if there is none.
    """
    if not arguments.methods:
        raise ValueError('no method; give at least one --method, --alone or --late')
    return [
        Method(name, *weights, quantization=arguments.quantization)
        for name, weights in arguments.methods
    ]


def chosen_pairs(arguments: argparse.Namespace) -> tuple[DairFolder, list[CooperativePair]]:
    """Return the folder and the pairs to measure on.

    Raises:
        DairError: if the folder cannot be read.
    """
    folder = DairFolder(arguments.dair_root, arguments.split_file)
    pairs = folder.split(arguments.split) if arguments.split else folder.pairs
    return folder, evenly_spread(pairs, arguments.pairs)


def _one_network(text: str) -> tuple[str, tuple]:
    name, path = _named(text)
    return name, (find(path), None, False)


def _alone(text: str) -> tuple[str, tuple]:
    name, path = _named(text)
    return name, (find(path), None, True)


def _late(text: str) -> tuple[str, tuple]:
    name, paths = _named(text)
    parts = paths.split(',')
    if len(parts) != 2:
        raise argparse.ArgumentTypeError(
            f'{text!r}: expected NAME=VEHICLE,INFRASTRUCTURE with two weights files'
        )
    return name, (find(parts[0]), find(parts[1]), False)


def _named(text: str) -> tuple[str, str]:
    name, separator, rest = text.partition('=')
    if not (name and separator and rest):
        raise argparse.ArgumentTypeError(f'{text!r}: expected NAME=WEIGHTS')
    return name, rest


def find(name: str) -> Path:
    """Return the weights of a shipped name or a path; argparse shows what is wrong."""
    try:
        return find_weights(name)
    except FileNotFoundError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
