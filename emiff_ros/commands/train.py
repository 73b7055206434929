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

"""Train a network on folders in the DAIR-V2X-C format.

Every folder is checked first; what is missing or broken is listed and nothing is trained. Images
are resized once into a cache. Checkpoints, TensorBoard events and a CSV log go to the output
folder, the weights (safetensors with their configuration beside them) to --export.
"""

import argparse
import logging
from pathlib import Path

from lightning.pytorch.utilities import rank_zero_only
import torch

from emiff_ros.commands.command_line import command_line
from emiff_ros.dair.reader import DairFolder
from emiff_ros.model.config import EmiffConfig
from emiff_ros.provenance import git_commit
from emiff_ros.training.config import GroundTruthConfig, TrainingConfig
from emiff_ros.training.data_check import check_sources
from emiff_ros.training.dataset import CooperativeDataset, FolderPairs
from emiff_ros.training.run import RunOptions, export, train
from emiff_ros.training.variants import VARIANTS, derive

_logger = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument('--config', type=Path, required=True, help='model configuration (YAML)')
    parser.add_argument(
        '--variant',
        choices=sorted(VARIANTS),
        help="derive this row of the paper's tables from --config (default: as it is)",
    )
    parser.add_argument(
        '--training', type=Path, required=True, help='training configuration (YAML)'
    )
    parser.add_argument('--data', type=Path, nargs='+', required=True, help='folders to train on')
    parser.add_argument(
        '--split', help='use only this split of --data (split.json), for instance train'
    )
    parser.add_argument('--val', type=Path, nargs='+', default=[], help='folders to measure AP on')
    parser.add_argument('--val-split', help='use only this split of --val, for instance val')
    parser.add_argument('--output', type=Path, required=True, help='folder of the run')
    parser.add_argument(
        '--export',
        type=Path,
        help='weights to write (default: OUTPUT/CONFIG[_VARIANT].safetensors)',
    )
    parser.add_argument('--half', action='store_true', help='store the weights as float16')
    parser.add_argument(
        '--description', help="what the data are, for the metadata (default: the folders' names)"
    )
    parser.add_argument('--weights', type=Path, help='weights to start from (fine-tuning, trunk)')
    parser.add_argument(
        '--backbone',
        type=Path,
        help="ResNet weights to start both backbones from, torchvision's names; they replace "
        'those of --weights',
    )
    parser.add_argument('--resume', type=Path, help='checkpoint of this run to go on from')
    parser.add_argument('--seed', type=int, help="instead of the configuration's")
    parser.add_argument(
        '--max-minutes', type=float, help='time budget instead of the configured epochs'
    )
    parser.add_argument('--accelerator', default='auto', help='auto, cpu, gpu')
    parser.add_argument('--devices', type=int, default=1, help='number of devices (DDP)')
    parser.add_argument('--workers', type=int, default=0, help='data loading processes')
    parser.add_argument('--cache', type=Path, help='folder of resized images')
    parser.add_argument('--skip-check', action='store_true', help='trust the data')


def run(arguments: argparse.Namespace) -> int:
    """Train, export and say where the weights are."""
    if arguments.max_minutes is not None and not arguments.max_minutes > 0:
        raise ValueError(f'--max-minutes is {arguments.max_minutes}; expected more than 0')
    if arguments.export is not None and arguments.export.suffix != '.safetensors':
        raise ValueError(
            f'--export is {arguments.export}; expected a name that ends in .safetensors'
        )
    model, name = EmiffConfig.from_yaml(arguments.config), arguments.config.stem
    if arguments.variant is not None:
        model, name = derive(model, arguments.variant), f'{name}_{arguments.variant}'
    training = TrainingConfig.from_yaml(arguments.training)
    if arguments.seed is not None:
        training = training.model_copy(update={'seed': arguments.seed})
    sources = open_folders(arguments.data, arguments.split)
    validation_sources = open_folders(arguments.val, arguments.val_split)
    if not arguments.skip_check and rank_zero_only.rank == 0:
        check_sources([*sources, *validation_sources], training.ground_truth.labels)
    training_set = CooperativeDataset(
        sources,
        model,
        training.augmentation,
        training.ground_truth,
        training.seed,
        arguments.cache,
    )
    validation_set = None
    if validation_sources:
        validated = GroundTruthConfig(labels=training.ground_truth.labels)
        validation_set = CooperativeDataset(
            validation_sources, model, ground_truth=validated, cache_folder=arguments.cache
        )
    _logger.info(
        'training on %d pairs, validating on %d', len(training_set), len(validation_set or ())
    )
    options = RunOptions(
        output=arguments.output,
        max_minutes=arguments.max_minutes,
        resume=arguments.resume,
        initial_weights=arguments.weights,
        backbone_weights=arguments.backbone,
        accelerator=arguments.accelerator,
        devices=arguments.devices,
        workers=arguments.workers,
    )
    result = train(model, training, training_set, validation_set, options)
    if not result.is_main:
        return 0
    path = arguments.export or arguments.output / f'{name}.safetensors'
    metadata = {
        'trained_on': arguments.description or ', '.join(folder.name for folder in arguments.data),
        'training_pairs': str(len(training_set)),
        'labels': training.ground_truth.labels,
        'variant': arguments.variant or model.modality,
        'seed': str(training.seed),
        'command': command_line('train'),
        'git_commit': git_commit() or 'unknown',
    }
    dtype = torch.float16 if arguments.half else torch.float32
    identity = export(result, model, path, metadata, dtype)
    _logger.info('weights %s (fingerprint %s)', path, identity[:12])
    if result.best_ap is not None:
        _logger.info('validation AP-BEV@0.5 %.2f, protocol opendairv2x', result.best_ap)
    return 0


def open_folders(roots: list[Path], split: str | None) -> list[FolderPairs]:
    """Open DAIR-V2X-C folders, all pairs or those of one split."""
    folders = [DairFolder(root) for root in roots]
    return [
        FolderPairs(folder, folder.split(split) if split else folder.pairs) for folder in folders
    ]
