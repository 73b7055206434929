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

"""Which drives a demo replays: generated ones, or those of a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import logging
from pathlib import Path
from urllib.parse import quote

from emiff_ros.dair.bag_writer import write_bag, written_pairs
from emiff_ros.dair.folder_check import frame_problems
from emiff_ros.dair.frames import CooperativePair
from emiff_ros.dair.reader import DairFolder
from emiff_ros.dair.scenes.generate import generate_dataset

FRAMES_PER_DRIVE = 20

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Drive:
    """One drive to replay.

    Attributes:
        name: of its files.
        bag: rosbag2 with all its images.
        pairs: those that can be evaluated and shown, in order.
        image_stamps: stamps of all its vehicle images that are in the bag, nanoseconds.
    """

    name: str
    bag: Path
    pairs: Sequence[CooperativePair]
    image_stamps: Sequence[int]


def generated_folder(cache: Path, frames: int, seed: int) -> DairFolder:
    """Render held-out drives below ``cache`` unless they are there, and read them."""
    root = cache / f'test-seed{seed}-frames{frames}'
    generate_dataset(root, seed, frames, 'test', frames_per_drive=FRAMES_PER_DRIVE)
    return DairFolder(root)


def require_usable_pairs(folder: DairFolder) -> None:
    """Check that a demo can replay something of a folder, before anything is written.

    Raises:
        DairError: if the labels of a pair cannot be read.
        ValueError: if no pair has images and calibration that can be used.
    """
    for pair in folder.pairs:
        pair.labels()
    if not any(_can_be_read(pair) for pair in folder.pairs):
        raise ValueError(
            f'{folder.root} lists no cooperative pairs that can be used; a demo needs '
            'cooperative/data_info.json with labels, and images and calibration of both sides'
        )


def prepare_drives(folder: DairFolder, output: Path) -> list[Drive]:
    """Write one bag per recorded batch of ``folder``: a batch is one station and one drive.

    Where the whole folder is one drive, its frames that belong to no pair are played too. Pairs
    with a frame that cannot be used are left out.

    Args:
        folder: with the pairs.
        output: folder of the bags.

    Raises:
        BagError: if no frame of a drive can be used.
        ValueError: if no pair can be converted.
    """
    drives = []
    batches = dict.fromkeys(pair.vehicle.batch_id for pair in folder.pairs)
    whole = _is_one_drive(folder)
    for batch in batches:
        pairs = [pair for pair in folder.pairs if pair.vehicle.batch_id == batch]
        bag = output / f'drive-{quote(batch, safe="")}'
        report = write_bag(folder, bag, pairs=None if whole else pairs)
        left_out = {refused.frame_id for refused in report.refused if refused.side == 'vehicle'}
        for refused in report.refused:
            logger.warning(
                '%s frame %s left out: %s', refused.side, refused.frame_id, refused.reason
            )
        frames = folder.vehicle_frames.values() if whole else [pair.vehicle for pair in pairs]
        stamps = sorted(frame.image_stamp for frame in frames if frame.frame_id not in left_out)
        if usable := written_pairs(pairs, report):
            drives.append(Drive(bag.name, bag, usable, stamps))
    if not drives:
        raise ValueError(
            f'{folder.root}: no cooperative pair could be converted; mend the frames that are '
            'named as left out'
        )
    return drives


def _can_be_read(pair: CooperativePair) -> bool:
    return not any(frame_problems(frame) for frame in (pair.vehicle, pair.infrastructure))


def _is_one_drive(folder: DairFolder) -> bool:
    sides = (folder.vehicle_frames, folder.infrastructure_frames)
    return all(len({frame.batch_id for frame in side.values()}) == 1 for side in sides)
