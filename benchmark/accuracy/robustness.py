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

"""AP against pose error, delay and exposure: pictures, tables and JSON.

``python benchmark/accuracy/robustness.py DAIR_ROOT --method EMIFF=emiff_small
--alone "vehicle alone=emiff_small" --output out/robustness``

Errors have an exact size and a direction that is drawn once for each frame; every network is
measured on the same ones. Delays need a folder whose roadside frames lie close in time (generate
with --pair-interval 0.1 and not fewer than 10 --frames-per-drive). Interrupted, it goes on where
it was.
"""

import argparse
from dataclasses import asdict
import json
from pathlib import Path
import shlex
import sys

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from emiff_ros.commands.compare import add_methods, chosen_pairs, methods_of  # noqa: E402
from emiff_ros.comparison.curve_picture import curve_tables, draw_curves  # noqa: E402
from emiff_ros.comparison.disturbance import UNITS  # noqa: E402
from emiff_ros.comparison.hardware import describe_hardware  # noqa: E402
from emiff_ros.comparison.robustness import SIZES, measure_curves  # noqa: E402
from emiff_ros.dair.evaluation import Measure  # noqa: E402
from emiff_ros.provenance import git_commit  # noqa: E402
from emiff_ros.viz.charts import save_chart  # noqa: E402

MEASURES = (Measure('bev', 0.5), Measure('3d', 0.5))


def main() -> int:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_methods(parser)
    for kind, sizes in SIZES.items():
        parser.add_argument(
            f'--{kind}', type=float, nargs='*', default=list(sizes), metavar='SIZE',
            help=f'{UNITS[kind]}; none leaves the curve out (default: %(default)s)',
        )  # fmt: skip
    arguments = parser.parse_args()
    folder, pairs = chosen_pairs(arguments)
    sizes = {kind: getattr(arguments, kind) for kind in SIZES if getattr(arguments, kind)}
    output = arguments.output
    curves = measure_curves(
        methods_of(arguments), folder, pairs, sizes, output / 'answers', arguments.protocol,
        arguments.device,
    )  # fmt: skip
    for kind in set(sizes) - {curve.kind for curve in curves}:
        print(f'no {kind} curve: no pair has roadside frames for {sizes[kind]} {UNITS[kind]}')
    facts = {
        'protocol': arguments.protocol,
        'data': folder.root.parent.name,
        'hardware': describe_hardware(arguments.device),
        'commit': git_commit() or 'unknown',
        'command': shlex.join(['python', *sys.argv]),
    }
    summary = {**facts, 'curves': [asdict(curve) for curve in curves]}
    output.mkdir(parents=True, exist_ok=True)
    (output / 'robustness.json').write_text(json.dumps(summary, indent=1), encoding='utf-8')
    tables = '\n'.join(curve_tables(curves, measure) for measure in MEASURES)
    notes = '\n'.join(f'- {name}: {value}' for name, value in facts.items())
    (output / 'robustness.md').write_text(f'{tables}\n{notes}\n', encoding='utf-8')
    for measure in MEASURES:
        save_chart(draw_curves(curves, measure), output / f'robustness_{measure.key}.png')
    print(tables)
    return 0


if __name__ == '__main__':
    sys.exit(main())
