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

"""The parameters that define a generated data set."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

# Raised whenever the same parameters give other files, so that finished sets are made anew.
GENERATOR_VERSION = 5
SPLITS = ('train', 'val', 'test')


@dataclass(frozen=True)
class DatasetPlan:
    """Parameters of a generated data set; two equal plans give the same files on one machine.

    Attributes:
        seed: any number from 0.
        frames: number of pairs.
        split: ``train``, ``val`` or ``test``: layouts, stations, intrinsics and vehicle shapes.
        image_size: (height, width) in pixels, 16:9 keeps DAIR-V2X-C's field of view.
        pair_interval: seconds between pairs of a drive.
        frames_per_drive: pairs at one junction.
    """

    seed: int
    frames: int
    split: str = 'train'
    image_size: tuple[int, int] = (1080, 1920)
    pair_interval: float = 0.1
    frames_per_drive: int = 20

    def __post_init__(self) -> None:
        """Check the parameters.

        Raises:
            ValueError: for a parameter out of its range.
        """
        if self.split not in SPLITS:
            raise ValueError(f'split is {self.split!r}; expected one of {SPLITS}')
        if self.seed < 0:
            raise ValueError(f'seed is {self.seed}; expected 0 or more')
        if not 1 <= self.frames <= 100_000:
            raise ValueError(f'frames is {self.frames}; expected 1 to 100000')
        if self.frames_per_drive < 1:
            raise ValueError(f'frames_per_drive is {self.frames_per_drive}; expected 1 or more')
        if not 0.05 <= self.pair_interval <= 5.0:
            raise ValueError(f'pair_interval is {self.pair_interval} s; expected 0.05 to 5')
        height, width = self.image_size
        if not (90 <= height <= 4320 and 160 <= width <= 7680):
            raise ValueError(
                f'image_size is {self.image_size}; expected (height, width) from (90, 160) on'
            )
        if self.frames_per_drive * self.pair_interval > 30:
            raise ValueError(
                'a drive would last over 30 s; lower frames_per_drive or pair_interval'
            )

    @property
    def drives(self) -> int:
        """Number of drives (junctions)."""
        return -(-self.frames // self.frames_per_drive)

    def drive_frames(self, drive: int) -> int:
        """Return the number of pairs of a drive."""
        return min(self.frames_per_drive, self.frames - drive * self.frames_per_drive)

    def rng(self, *keys: int) -> np.random.Generator:
        """Return the random numbers of a drive or frame."""
        return np.random.default_rng([self.seed, SPLITS.index(self.split), *keys])

    def as_dict(self) -> dict[str, Any]:
        """Return the parameters with the generator's version, ready for JSON."""
        return {
            'generator_version': GENERATOR_VERSION,
            **asdict(self),
            'image_size': list(self.image_size),
        }
