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

"""DairFolder: a DAIR-V2X-C data set on disk, real or generated."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
import logging
from pathlib import Path
from typing import Any, TypeVar

from emiff_ros.dair.errors import DairError, FrameIndexError, MissingFileError, SplitError
from emiff_ros.dair.folder_check import FolderProblem, frame_problems, label_problems
from emiff_ros.dair.frames import (
    CooperativePair,
    InfrastructureFrame,
    SensorFrame,
    VehicleFrame,
    infrastructure_frame,
    pair_offset,
    vehicle_frame,
)
from emiff_ros.dair.json_fields import load_json, require
from emiff_ros.dair.offsets import RoadsideOffset, offsets_in_force
from emiff_ros.home import expand_home

FOLDER_NAME = 'cooperative-vehicle-infrastructure'
SPLIT_FILES = ('split.json', 'cooperative-split-data.json')

_logger = logging.getLogger(__name__)
_Frame = TypeVar('_Frame', bound=SensorFrame)


class DairFolder:
    """Frames, pairs and splits of a DAIR-V2X-C folder; images and calibration are read on demand.

    Entries of an index file that cannot be used are left out, logged once and listed by ``check``.

    Attributes:
        root: the folder that holds ``vehicle-side``, ``infrastructure-side`` and ``cooperative``.
        vehicle_frames: by frame id, in the order of their image stamps.
        infrastructure_frames: by frame id, in the order of their image stamps.
        pairs: sorted by the vehicle's image stamp.
    """

    vehicle_frames: Mapping[str, VehicleFrame]
    infrastructure_frames: Mapping[str, InfrastructureFrame]
    pairs: list[CooperativePair]

    def __init__(self, root: Path | str, split_path: Path | str | None = None) -> None:
        """Read the three index files.

        Args:
            root: the ``cooperative-vehicle-infrastructure`` folder or the one that holds it.
            split_path: JSON with ``cooperative_split``; by default ``split.json`` or
                ``cooperative-split-data.json`` in the folder or beside it.

        Raises:
            MissingFileError: if the folder or an index file does not exist.
            JsonError: if an index file is not a JSON list.
            FrameIndexError: if the index of a side lists no frame that can be used.
        """
        root = expand_home(root)
        if (root / FOLDER_NAME).is_dir():
            root = root / FOLDER_NAME
        if not root.is_dir():
            raise MissingFileError(
                root, 'is no folder', f'give the path of a {FOLDER_NAME} folder'
            )
        self.root = root
        self._split_path = None if split_path is None else Path(split_path)
        self._index_problems: list[FolderProblem] = []
        self.vehicle_frames = self._frames('vehicle-side', vehicle_frame)
        self.infrastructure_frames = self._frames('infrastructure-side', infrastructure_frame)
        pairs = self._read_pairs()
        self._offsets = offsets_in_force(
            self.infrastructure_frames.values(),
            [(pair.infrastructure.frame_id, pair.system_error_offset) for pair in pairs],
        )
        self.pairs = [self._with_offset(pair) for pair in pairs]
        if self._index_problems:
            _logger.warning(
                '%s: %d index entries cannot be used and are left out, the first one because: %s',
                root,
                len(self._index_problems),
                self._index_problems[0].message,
            )

    def split(self, name: str) -> list[CooperativePair]:
        """Return the pairs of a split (such as ``train`` or ``val``), in stamp order.

        Raises:
            MissingFileError: if there is no split file.
            JsonError: if it is not a JSON object.
            SplitError: if it does not define the split as a list of frames or none of them is a
                pair of the folder.
        """
        path = self._find_split_file()
        key = 'cooperative_split'
        splits = require(load_json(path, dict), key, path, SplitError)
        if not isinstance(splits, dict):
            raise SplitError(
                path,
                f'is a {type(splits).__name__}; expected an object with a list for each split',
                'correct the split file',
                key,
            )
        if name not in splits:
            raise SplitError(
                path,
                f'has no split {name!r}',
                f'choose one of {sorted(splits)}',
                key,
            )
        if not isinstance(splits[name], list):
            raise SplitError(
                path,
                f'split {name!r} is a {type(splits[name]).__name__}; expected a list of vehicle '
                'frame ids',
                'correct the split file',
                key,
            )
        ids = {str(frame_id) for frame_id in splits[name]}
        pairs = [pair for pair in self.pairs if pair.vehicle.frame_id in ids]
        if ids and not pairs:
            raise SplitError(
                path,
                f'none of the {len(ids)} frames of split {name!r} is a pair of {self.root}',
                'give the split file that belongs to this folder',
                key,
            )
        return pairs

    def roadside_offsets(self) -> Mapping[str, RoadsideOffset]:
        """Return the ``system_error_offset`` in force, by roadside frame id."""
        return self._offsets

    def delayed(self, pair: CooperativePair, frames: int) -> CooperativePair | None:
        """Return the pair with a roadside frame that is ``frames`` ids older (VIC-Async-k).

        The vehicle frame and the labels stay; the offset stays that of the pair, as published
        (OpenDAIRV2X, VIC-Async). None if the older frame is before the drive's start or not there.

        Raises:
            ValueError: if ``frames`` is negative.
            FrameIndexError: if the id of the pair's roadside frame is no number.
        """
        if frames < 0:
            raise ValueError(f'frames is {frames}; expected 0 or more')
        current = pair.infrastructure
        if not current.frame_id.isdecimal():
            raise FrameIndexError(
                current.side_root / 'data_info.json',
                f'names frame {current.frame_id!r}; expected a number, by which older frames are '
                'found',
                'name the images by numbers or ask for no delay',
                'image_path',
            )
        wanted = str(int(current.frame_id) - frames).zfill(len(current.frame_id))
        older = self.infrastructure_frames.get(wanted)
        before_start = current.first_frame is not None and wanted < current.first_frame
        if older is None or before_start or older.station_id != current.station_id:
            return None
        return replace(pair, infrastructure=older)

    def check(
        self,
        pairs: Iterable[CooperativePair] | None = None,
        progress: Callable[[str], None] | None = None,
    ) -> list[FolderProblem]:
        """Read every image's end, calibration and label, and list what is missing or broken.

        Args:
            pairs: only these pairs and their frames; by default all frames and pairs, and the
                entries of the index files that were left out.
            progress: called with each frame id that is about to be checked.
        """
        if pairs is None:
            problems = list(self._index_problems)
            checked = self.pairs
            frames: list[SensorFrame] = [
                *self.vehicle_frames.values(),
                *self.infrastructure_frames.values(),
            ]
        else:
            problems = []
            checked = list(pairs)
            frames = [frame for pair in checked for frame in (pair.vehicle, pair.infrastructure)]
        for frame in {frame.image_path: frame for frame in frames}.values():
            if progress:
                progress(frame.frame_id)
            problems += frame_problems(frame)
        for pair in checked:
            problems += label_problems(pair)
        return problems

    def _frames(
        self, side: str, build: Callable[[dict[str, Any], Path], _Frame]
    ) -> dict[str, _Frame]:
        index_path = self.root / side / 'data_info.json'
        entries = load_json(index_path, list)
        frames = {}
        for entry in entries:
            try:
                frame = build(entry, self.root / side)
            except DairError as error:
                shown = str(entry.get('image_path', '')) if isinstance(entry, dict) else ''
                self._index_problems.append(FolderProblem.from_error(error, Path(shown).stem))
            else:
                frames[frame.frame_id] = frame
        if not frames:
            reason = self._index_problems[-1].message if entries else 'the list is empty'
            raise FrameIndexError(index_path, f'lists no usable frame ({reason})', 'restore it')
        return dict(sorted(frames.items(), key=lambda item: item[1].image_stamp))

    def _read_pairs(self) -> list[CooperativePair]:
        index_path = self.root / 'cooperative' / 'data_info.json'
        pairs = []
        for entry in load_json(index_path, list):
            try:
                pairs.append(self._pair(entry, index_path))
            except DairError as error:
                shown = str(entry.get('vehicle_image_path', '')) if isinstance(entry, dict) else ''
                self._index_problems.append(FolderProblem.from_error(error, Path(shown).stem))
        return sorted(pairs, key=lambda pair: pair.vehicle.image_stamp)

    def _pair(self, entry: dict[str, Any], index_path: Path) -> CooperativePair:
        frames = []
        for key, known in (
            ('vehicle_image_path', self.vehicle_frames),
            ('infrastructure_image_path', self.infrastructure_frames),
        ):
            image_path = str(require(entry, key, index_path, FrameIndexError))
            frame = known.get(Path(image_path).stem)
            if frame is None:
                raise FrameIndexError(
                    index_path,
                    f'names {image_path}, which {key.split("_")[0]}-side/data_info.json does not',
                    'complete the download or remove the pair',
                    key,
                )
            frames.append(frame)
        label_path = entry.get('cooperative_label_path')
        return CooperativePair(
            vehicle=frames[0],
            infrastructure=frames[1],
            label_path=self.root / str(label_path) if label_path else None,
            system_error_offset=pair_offset(entry, index_path),
        )

    def _with_offset(self, pair: CooperativePair) -> CooperativePair:
        own = pair.system_error_offset
        return replace(
            pair,
            offset=self._offsets[pair.infrastructure.frame_id].offset if own is None else own,
        )

    def _find_split_file(self) -> Path:
        if self._split_path is not None:
            return self._split_path
        for folder in (self.root, self.root.parent):
            for name in SPLIT_FILES:
                if (folder / name).is_file():
                    return folder / name
        raise MissingFileError(
            self.root / SPLIT_FILES[0],
            'no split file found in the folder or beside it',
            'put split.json there or name the file',
        )
