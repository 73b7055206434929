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

"""Teach the last layers of a large network a few pairs, so that AP can tell its copies apart.

``python benchmark/accuracy/fit_readout.py --config config/model/emiff_r50.yaml --data FOLDER
--output out/fitted/emiff_r50.safetensors``

Everything before the last convolution of the 3D neck keeps its random weights, with batch norms
that fit the pairs. So what reaches that convolution is computed once, and it and the head learn
from single cells: minutes on a CPU, where one step of the whole network takes a minute. What
comes out knows these pairs by heart and detects nothing elsewhere, but its scores and boxes
depend on every layer, as those of a trained network do.
"""

import argparse
from pathlib import Path
import sys

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional  # noqa: E402
from tqdm import tqdm  # noqa: E402

from emiff_ros.dair.reader import DairFolder  # noqa: E402
from emiff_ros.model.config import EmiffConfig  # noqa: E402
from emiff_ros.model.emiff import Emiff  # noqa: E402
from emiff_ros.model.head import HeadMaps  # noqa: E402
from emiff_ros.model.weights import save_weights  # noqa: E402
from emiff_ros.spread import evenly_spread  # noqa: E402
from emiff_ros.training.batch import Batch, collate  # noqa: E402
from emiff_ros.training.camera_statistics import set_camera_statistics  # noqa: E402
from emiff_ros.training.config import TrainingConfig  # noqa: E402
from emiff_ros.training.dataset import CooperativeDataset, FolderPairs  # noqa: E402
from emiff_ros.training.losses import detection_loss  # noqa: E402
from emiff_ros.training.schedule import learning_rate_factor  # noqa: E402
from emiff_ros.training.targets import AnchorAssigner, AnchorTargets  # noqa: E402

NORM_PAIRS = 3
"""Pairs that batch norms take their mean and variance from."""

CELLS = 1000
"""Cells without an object from anywhere in each step."""

MISTAKES = 150
"""Cells of each pair that scored highest without an object; all of them are in each step."""

SEARCH_EVERY = 8
"""Steps between two searches for mistakes, each in another pair."""

CHUNK = 4096
"""Cells that are computed at a time in a search."""

_NORMS = (nn.BatchNorm2d, nn.BatchNorm3d)


def main() -> int:
    """Fit and save."""
    arguments = _parser().parse_args()
    config = EmiffConfig.from_yaml(arguments.config)
    training = TrainingConfig.from_yaml(arguments.training)
    if config.neck.kind != 'volume':
        raise SystemExit(f'{arguments.config} has a {config.neck.kind} neck; expected a volume')
    torch.manual_seed(training.seed)
    folder = DairFolder(arguments.data)
    pairs = FolderPairs(folder, evenly_spread(folder.pairs, arguments.pairs))
    data = CooperativeDataset([pairs], config, ground_truth=training.ground_truth)
    model = Emiff(config).eval()
    if model.channel_masking is not None:
        set_camera_statistics(model.channel_masking.camera_norm, data.cameras())
    batches = [collate([data[index]], config) for index in range(len(data))]
    fit_norms(model, batches[:NORM_PAIRS])
    readout = Readout(model, batches)
    fit(readout, Lesson(model, batches, training), training, arguments.steps)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    save_weights(model, arguments.output, {'fitted_to': f'{len(data)} pairs, last layers alone'})
    return 0


@torch.no_grad()
def fit_norms(model: Emiff, batches: list[Batch]) -> None:
    """Give every batch norm the mean and variance of what passes through it, and fix them."""
    norms = [part for part in model.modules() if isinstance(part, _NORMS)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the plain mean over all pairs
        norm.train()
    for batch in tqdm(batches, desc='batch norms', unit='pair'):
        model(batch.vehicle_images, batch.vehicle_cameras, batch.infrastructure_views)
    model.eval()


class Readout:
    """The last convolution of the neck and the head, on single cells of all pairs.

    A cell is its number over (pair, y, x).

    Args:
        model: whose last layers these are.
        batches: one pair each.
    """

    @torch.no_grad()
    def __init__(self, model: Emiff, batches: list[Batch]) -> None:
        """Compute what reaches the last convolution."""
        self.columns, self.rows, _ = model.config.voxels.counts
        self.pairs = len(batches)
        (self._convolution, self._norm), _ = model.neck.layers[-1]
        self._head = model.head
        self.parameters = [*model.neck.layers[-1].parameters(), *model.head.parameters()]
        inputs: list[Tensor] = []

        def keep(_: nn.Module, arguments: tuple[Tensor]) -> None:
            # [nx + 2, ny + 2, nz, C], with the zeros that the convolution adds
            volume = arguments[0][0].permute(1, 2, 3, 0)
            inputs.append(functional.pad(volume, (0, 0, 0, 0, 1, 1, 1, 1)))

        hook = model.neck.layers[-1].register_forward_pre_hook(keep)
        for batch in tqdm(batches, desc='volumes', unit='pair'):
            model(batch.vehicle_images, batch.vehicle_cameras, batch.infrastructure_views)
        hook.remove()
        self._inputs = torch.stack(inputs)

    def cells_of(self, pair: int) -> Tensor:
        """Return the numbers of a pair's cells."""
        cells = self.columns * self.rows
        return torch.arange(pair * cells, (pair + 1) * cells)

    def __call__(self, cells: Tensor) -> HeadMaps:
        """Return what the head says in these cells [N], as one row of a map."""
        place, x = cells // self.columns, cells % self.columns
        pair, y = place // self.rows, place % self.rows
        around = torch.arange(3)
        windows = self._inputs[
            pair[:, None, None], x[:, None, None] + around[:, None], y[:, None, None] + around
        ]
        weight = self._convolution.weight.permute(0, 2, 3, 4, 1)
        bev = functional.linear(windows.flatten(1), weight.flatten(1))
        bev = torch.relu(self._norm(bev[..., None, None, None])).flatten(1)
        return self._head(bev.T[None, :, None])


class Lesson:
    """What the head should say in each cell."""

    def __init__(self, model: Emiff, batches: list[Batch], training: TrainingConfig) -> None:
        """Assign the anchors of each pair to its objects."""
        assigner = AnchorAssigner(model.anchors(), training.assigner)
        self._all = assigner.targets(
            [batch.boxes[0] for batch in batches], [batch.ignored[0] for batch in batches]
        )
        per_cell = model.config.anchors.per_cell
        self._positive = self._all.positive.view(-1, per_cell)
        self._weight = self._all.weight.view(-1, per_cell)
        self._row = torch.full(self._positive.shape, -1)
        self._row[self._positive] = torch.arange(len(self._all.deltas))
        self.with_object = self._positive.any(dim=1).nonzero().flatten()

    def targets(self, cells: Tensor) -> AnchorTargets:
        """Return the targets in these cells [N], as one sample."""
        positive = self._positive[cells].view(1, -1)
        rows = self._row[cells].view(1, -1)[positive]
        return AnchorTargets(
            positive=positive,
            weight=self._weight[cells].view(1, -1),
            positive_index=positive.nonzero(),
            anchors=self._all.anchors[rows],
            deltas=self._all.deltas[rows],
            direction=self._all.direction[rows],
            normaliser=self._all.normaliser,
        )

    def mistakes(self, cells: Tensor, logits: Tensor) -> Tensor:
        """Return the cells that score highest without an object.

        Args:
            cells: numbers [N].
            logits: [N, anchors of a cell].
        """
        wrong = (self._weight[cells] > 0) & ~self._positive[cells]
        highest = logits.masked_fill(~wrong, -torch.inf).amax(dim=1)
        return cells[highest.topk(MISTAKES).indices]


def fit(readout: Readout, lesson: Lesson, training: TrainingConfig, steps: int) -> None:
    """Teach all cells with an object in every step, beside others and mistakes."""
    optimizer = torch.optim.AdamW(readout.parameters, training.optimizer.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: learning_rate_factor(training.schedule, step / steps)
    )
    mistakes: dict[int, Tensor] = {}
    progress = tqdm(range(steps), desc='last layers', unit='step')
    for step in progress:
        if step % SEARCH_EVERY == 0:
            pair = step // SEARCH_EVERY % readout.pairs
            mistakes[pair] = _search(readout, lesson, readout.cells_of(pair))
        anywhere = torch.randint(readout.pairs * readout.columns * readout.rows, (CELLS,))
        cells = torch.cat([lesson.with_object, *mistakes.values(), anywhere]).unique()
        loss = detection_loss(*readout(cells), lesson.targets(cells), training.loss)
        optimizer.zero_grad()
        loss.total.backward()
        nn.utils.clip_grad_norm_(readout.parameters, training.optimizer.gradient_clip)
        optimizer.step()
        schedule.step()
        progress.set_postfix(
            score=f'{loss.classification.item():.3f}', box=f'{loss.box.item():.3f}'
        )


@torch.no_grad()
def _search(readout: Readout, lesson: Lesson, cells: Tensor) -> Tensor:
    logits = [readout(chunk).cls_score[0, :, 0].T for chunk in cells.split(CHUNK)]
    return lesson.mistakes(cells, torch.cat(logits))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = ROOT / 'config' / 'training' / 'small_continued.yaml'
    parser.add_argument('--config', type=Path, required=True, help='model with a 3D neck')
    parser.add_argument('--training', type=Path, default=default, help='rates, loss, thresholds')
    parser.add_argument('--data', type=Path, required=True, help='DAIR-V2X-C folder')
    parser.add_argument('--pairs', type=int, default=8, help='evenly spread pairs of it')
    parser.add_argument('--steps', type=int, default=600)
    parser.add_argument('--output', type=Path, required=True, help='weights, .safetensors')
    return parser


if __name__ == '__main__':
    sys.exit(main())
