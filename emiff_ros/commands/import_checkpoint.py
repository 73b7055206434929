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

"""Convert a checkpoint of the original EMIFF release into safetensors with its configuration.

The network's architecture follows from the weights. Image size, voxel grid and anchors do not:
they are those of the released model unless --config names others.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from emiff_ros.model import EmiffConfig
from emiff_ros.model.checkpoint import ImportReport, import_checkpoint


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verb."""
    parser.add_argument(
        'source', type=Path, metavar='OFFICIAL.pth', help='checkpoint of the original release'
    )
    parser.add_argument('target', type=Path, metavar='OUT.safetensors', help='file to write')
    parser.add_argument(
        '--config',
        type=Path,
        metavar='MODEL.yaml',
        help='image size, grid, anchors and thresholds (default: those of the released model)',
    )


def run(arguments: argparse.Namespace) -> int:
    """Convert and say what was done."""
    base = EmiffConfig.from_yaml(arguments.config) if arguments.config else None
    report = import_checkpoint(arguments.source, arguments.target, base)
    print('\n'.join(_lines(report, arguments)))
    return 0


def _lines(report: ImportReport, arguments: argparse.Namespace) -> list[str]:
    config, target = report.config, arguments.target
    compression, masking, neck = config.compression, config.channel_masking, config.neck
    nx, ny, nz = config.voxels.counts
    origin = arguments.config or 'the released model'
    return [
        f'read {arguments.source}: {report.imported + len(report.left_out)} tensors',
        f'found ResNet-{config.backbone.depth}, {config.fpn_channels} channels, compression ratio '
        f'{compression.ratio} with {compression.halvings} halvings, squeeze ratio '
        f'{masking.squeeze_ratio}, neck {"-".join(map(str, neck.widths))}-{neck.out_channels}',
        f'took from {origin}: images {config.image_width}x{config.image_height}, grid '
        f'{nx}x{ny}x{nz}, anchors and thresholds',
        f'left out, for they never affect a result: {", ".join(report.left_out)}',
        f'recorded box_convention: {config.box_convention} (trained with width and length '
        'swapped; published boxes have their length along the heading)',
        f'wrote {target} ({report.imported} tensors, {report.parameters:,} parameters) and '
        f'{target.with_suffix(".yaml")}',
        f'fingerprint {report.fingerprint}',
    ]
