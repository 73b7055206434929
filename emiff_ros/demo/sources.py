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

"""From what a user names to a bag: the demo scene, a DAIR-V2X-C folder or a bag."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path
import shutil

from emiff_ros.bringup import DEMO
from emiff_ros.dair.bag_writer import write_bag
from emiff_ros.dair.reader import DairFolder
from emiff_ros.dair.scenes.generate import generate_dataset
from emiff_ros.home import expand_home

DEMO_FRAMES = 40
"""Pairs of the generated scene, one continuous drive at 10 Hz."""

DEMO_SEED = 1
DEMO_IMAGE_SIZE = (720, 1280)

logger = logging.getLogger(__name__)


def default_cache() -> Path:
    """Return the folder for generated scenes and converted bags, below ``ROS_HOME``."""
    return Path(os.environ.get('ROS_HOME') or Path.home() / '.ros') / 'emiff_ros'


def find_bag(source: str, cache: Path) -> Path:
    """Return the bag that ``source`` names; render and convert what is not there yet.

    Args:
        source: ``demo``, a DAIR-V2X-C folder, or anything else, which is taken for a bag.
        cache: where scenes and converted bags are kept.

    Raises:
        DairError: if a folder cannot be read.
        BagError: if a folder cannot be converted.
        ValueError: if something else is where the cache keeps the generated scene.
    """
    if source == DEMO:
        root = cache / 'scene'
        logger.info('demo scene in %s (rendered once, which can take minutes)', root)
        generate_dataset(
            root,
            DEMO_SEED,
            DEMO_FRAMES,
            'test',
            image_size=DEMO_IMAGE_SIZE,
            frames_per_drive=DEMO_FRAMES,
        )
        return _converted(root, cache)
    path = expand_home(source)
    if path.is_dir() and not (path / 'metadata.yaml').exists():
        return _converted(path, cache)
    return path


def _converted(root: Path, cache: Path) -> Path:
    """Return the bag of a folder; written anew if an index of the folder has changed since."""
    folder = DairFolder(root)
    indices = sorted(folder.root.glob('*/data_info.json'))
    changed = ' '.join(str(index.stat().st_mtime_ns) for index in indices)
    state = f'{folder.root.resolve()} {changed}'
    bag = cache / f'bag-{hashlib.sha256(state.encode()).hexdigest()[:16]}'
    if not (bag / 'metadata.yaml').exists():
        logger.info('converting %s to %s', folder.root, bag)
        unfinished = bag.with_name(f'{bag.name}.{os.getpid()}')
        shutil.rmtree(unfinished, ignore_errors=True)
        try:
            report = write_bag(folder, unfinished)
            logger.info('%d messages', report.messages.total())
            _put(unfinished, bag)
            if report.refused:
                logger.warning(
                    '%d frames left out, the first one because: %s; delete %s once that is mended',
                    len(report.refused),
                    report.refused[0].reason,
                    bag,
                )
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return bag


def _put(unfinished: Path, bag: Path) -> None:
    """Rename a complete bag, unless another process has put the same one there meanwhile."""
    try:
        unfinished.rename(bag)
    except OSError:
        if not (bag / 'metadata.yaml').exists():
            raise
