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

"""What is missing or broken in the data, before the first training step."""

from collections.abc import Sequence

from tqdm import tqdm

from emiff_ros.dair.errors import DairError
from emiff_ros.dair.folder_check import FolderProblem
from emiff_ros.training.dataset import FolderPairs
from emiff_ros.training.scene import Labels, read_scene

_SHOWN = 20


class BrokenDataError(ValueError):
    """A data folder that cannot be trained on; the message lists the problems."""


def check_sources(sources: Sequence[FolderPairs], labels: Labels = 'cooperative') -> None:
    """Look at every image, calibration and label of the pairs.

    Args:
        sources: pairs by folder.
        labels: which ones are learned; one side's own are looked at beside the cooperative ones.

    Raises:
        BrokenDataError: with one line for each problem, the first 20 in full.
    """
    problems = []
    for source in sources:
        total = 2 * len(source.pairs)
        with tqdm(total=total, desc=f'checking {source.folder.root}', unit='frame') as bar:
            problems += source.folder.check(source.pairs, progress=lambda _: bar.update())
        if labels != 'cooperative':
            problems += _own_label_problems(source, labels)
    if problems:
        lines = [f'  {problem}' for problem in problems[:_SHOWN]]
        if len(problems) > _SHOWN:
            lines.append(f'  ... and {len(problems) - _SHOWN} more')
        raise BrokenDataError(
            f'{len(problems)} problems in the data; repair or remove these files:\n'
            + '\n'.join(lines)
        )


def _own_label_problems(source: FolderPairs, labels: Labels) -> list[FolderProblem]:
    problems = {}
    for pair in source.pairs:
        try:
            read_scene(pair, labels)
        except DairError as error:
            problem = FolderProblem.from_error(error, pair.vehicle.frame_id)
            problems[problem.message] = problem
    return list(problems.values())
