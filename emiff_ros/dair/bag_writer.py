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

"""DAIR-V2X-C folder to rosbag2 (MCAP or SQLite3).

Each sensor keeps its own stamps. Calibration, odometry and transforms are written 50 ms ahead of
their image, so that a player's subscribers have them when the image comes; their headers carry the
image's stamp. Labels stay on disk; they belong to the vehicle image with the same stamp. The data
set's pairs are listed in ``pairs.csv`` in its folder, for ``pairs_file`` of the vehicle node.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
import json
from pathlib import Path
import shutil
from typing import Any, Literal

import numpy as np
from rosbags.interfaces import Connection
from rosbags.rosbag2 import StoragePlugin, Writer

from emiff_ros.bags.errors import BagError
from emiff_ros.bags.qos import bag_qos
from emiff_ros.dair.bag_frames import (
    POSE_TIMES,
    FrameMessages,
    infrastructure_messages,
    vehicle_messages,
)
from emiff_ros.dair.bag_messages import MessageFactory, NamedTransform
from emiff_ros.dair.bag_topics import TF_STATIC, TOPIC_TYPES
from emiff_ros.dair.errors import DairError
from emiff_ros.dair.frames import (
    CooperativePair,
    InfrastructureFrame,
    SensorFrame,
    VehicleFrame,
)
from emiff_ros.dair.reader import DairFolder
from emiff_ros.matching.pairs_file import write_pairs
from emiff_ros.stamps import MILLISECOND

STORAGES: Mapping[str, StoragePlugin] = {
    'mcap': StoragePlugin.MCAP,
    'sqlite3': StoragePlugin.SQLITE3,
}
LEAD = 50 * MILLISECOND
METADATA_KEY = 'emiff_ros.dair'
PAIRS_FILE = 'pairs.csv'
"""Which images the data set pairs, beside the bag's own files."""

_SIDES = {VehicleFrame: 'vehicle', InfrastructureFrame: 'infrastructure'}


@dataclass(frozen=True)
class RefusedFrame:
    """A frame that was left out of the bag, with the reason."""

    side: str
    frame_id: str
    kind: str
    reason: str


@dataclass
class BagReport:
    """What was written.

    Attributes:
        path: folder of the bag.
        messages: number of messages by topic.
        frames: number of frames written by side (``vehicle``, ``infrastructure``).
        refused: frames that were left out.
        offsets: roadside frames by where their offset came from (pair, last_known, unknown).
        start, end: first and last log time, nanoseconds; 0 for an empty bag.
    """

    path: Path
    messages: Counter[str] = field(default_factory=Counter)
    frames: Counter[str] = field(default_factory=Counter)
    refused: list[RefusedFrame] = field(default_factory=list)
    offsets: Counter[str] = field(default_factory=Counter)
    start: int = 0
    end: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready values."""
        return {
            'path': str(self.path),
            'messages': dict(self.messages),
            'frames': dict(self.frames),
            'refused': [vars(refused) for refused in self.refused],
            'offsets': dict(self.offsets),
            'start': self.start,
            'end': self.end,
        }


def write_bag(
    folder: DairFolder,
    target: Path | str,
    storage: str = 'mcap',
    pose_time: str = 'image',
    pairs: Sequence[CooperativePair] | None = None,
    metadata_version: Literal[8, 9] = 9,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> BagReport:
    """Convert a folder to a bag.

    A frame whose image or calibration cannot be used is left out and listed in the report; the
    others are written.

    Args:
        folder: the data set.
        target: folder of the bag, made by this function.
        storage: ``mcap`` or ``sqlite3``.
        pose_time: ``image`` (the data set's protocol) or ``lidar``, see ``vehicle_messages``.
        pairs: only the frames of these pairs; by default all frames of both sides.
        metadata_version: 9 for ROS 2 Jazzy and later, 8 for Humble and Iron.
        overwrite: replace a bag that exists (nothing but a bag is ever removed).
        progress: called with (frames done, frames in all).

    Raises:
        ValueError: for an unknown storage, pose time or metadata version.
        BagError: if the target exists and is not to be replaced, or no frame at all could be used.
        MissingDefinitionError: if the message definitions of emiff_msgs are not found.
    """
    if storage not in STORAGES:
        raise ValueError(f'storage is {storage!r}; expected one of {sorted(STORAGES)}')
    if pose_time not in POSE_TIMES:
        raise ValueError(f'pose_time is {pose_time!r}; expected one of {POSE_TIMES}')
    if metadata_version not in (8, 9):
        raise ValueError(f'metadata_version is {metadata_version!r}; expected 8 or 9')
    target = Path(target)
    _make_room(target, overwrite)
    frames = _frames(folder, pairs)
    report = BagReport(target)
    with Writer(target, version=metadata_version, storage_plugin=STORAGES[storage]) as writer:
        conversion = _Conversion(folder, writer, MessageFactory(), pose_time, report)
        conversion.run(frames, progress)
        metadata = {'source': folder.root.parent.name, 'pose_time': pose_time, **report.to_dict()}
        metadata['raw_calibration'] = conversion.raw_calibration
        writer.set_custom_data(METADATA_KEY, json.dumps(metadata))
    if not report.frames:
        shutil.rmtree(target)
        reason = report.refused[0].reason if report.refused else 'there are no frames'
        raise BagError(target, f'no frame could be converted ({reason})', 'check the data set')
    stamps = {
        pair.vehicle.image_stamp: pair.infrastructure.image_stamp
        for pair in written_pairs(folder.pairs if pairs is None else pairs, report)
    }
    if stamps:
        write_pairs(target / PAIRS_FILE, stamps)
    return report


def written_pairs(pairs: Iterable[CooperativePair], report: BagReport) -> list[CooperativePair]:
    """Return the pairs of which neither frame was left out."""
    refused = {(frame.side, frame.frame_id) for frame in report.refused}
    return [
        pair
        for pair in pairs
        if ('vehicle', pair.vehicle.frame_id) not in refused
        and ('infrastructure', pair.infrastructure.frame_id) not in refused
    ]


class _Conversion:
    """Writes frames in the order of their log times."""

    def __init__(
        self,
        folder: DairFolder,
        writer: Writer,
        factory: MessageFactory,
        pose_time: str,
        report: BagReport,
    ) -> None:
        self._offsets = folder.roadside_offsets()
        self._writer = writer
        self._factory = factory
        self._pose_time = pose_time
        self._report = report
        self._mountings: dict[str, NamedTransform] = {}
        self.raw_calibration: dict[str, list[dict[str, Any]]] = {}
        self._connections: dict[str, Connection] = {
            topic: writer.add_connection(
                topic,
                type_name,
                typestore=factory.typestore,
                offered_qos_profiles=[bag_qos(transient_local=topic == TF_STATIC)],
            )
            for topic, type_name in TOPIC_TYPES.items()
        }

    def run(self, frames: list[SensorFrame], progress: Callable[[int, int], None] | None) -> None:
        """Write all frames; what comes ahead of an image is written in its own place in time."""
        waiting: list[tuple[int, FrameMessages]] = []
        for done, frame in enumerate(frames, start=1):
            ahead_time = max(0, frame.image_stamp - LEAD)
            while waiting and waiting[0][0] <= ahead_time:
                self._write_image(*waiting.pop(0))
            messages = self._messages(frame)
            if messages is not None:
                self._write_ahead(ahead_time, messages)
                waiting.append((frame.image_stamp, messages))
            if progress:
                progress(done, len(frames))
        for stamp, messages in waiting:
            self._write_image(stamp, messages)

    def _messages(self, frame: SensorFrame) -> FrameMessages | None:
        side = _SIDES[type(frame)]
        try:
            if isinstance(frame, VehicleFrame):
                messages = vehicle_messages(frame, self._factory, self._pose_time)
            else:
                offset = self._offsets[frame.frame_id]
                messages = infrastructure_messages(frame, self._factory, offset.offset)
            raw = {'cam_D': frame.distortion(), 'P': frame.raw_projection()}
        except DairError as error:
            self._report.refused.append(
                RefusedFrame(side, frame.frame_id, type(error).__name__, str(error))
            )
            return None
        if side == 'infrastructure':
            self._report.offsets[offset.source] += 1
        known = self.raw_calibration.setdefault(side, [])
        if not known or {key: known[-1][key] for key in raw} != raw:
            known.append({'from_frame': frame.frame_id, **raw})
        self._report.frames[side] += 1
        return messages

    def _write_ahead(self, time: int, messages: FrameMessages) -> None:
        parent, child, mounting = messages.static_transform
        known = self._mountings.get(child)
        if known is None or not np.array_equal(known[2], mounting):
            self._mountings[child] = (parent, child, mounting)
            # Subscribers that come late get the last message only, so each one holds them all.
            transforms = self._factory.transforms(time, list(self._mountings.values()))
            self._write(TF_STATIC, time, transforms)
        for topic, data in messages.ahead:
            self._write(topic, time, data)

    def _write_image(self, stamp: int, messages: FrameMessages) -> None:
        for topic, data in messages.with_image:
            self._write(topic, stamp, data)

    def _write(self, topic: str, time: int, data: bytes) -> None:
        self._writer.write(self._connections[topic], time, data)
        self._report.messages[topic] += 1
        self._report.start = min(self._report.start or time, time)
        self._report.end = max(self._report.end, time)


def _frames(folder: DairFolder, pairs: Sequence[CooperativePair] | None) -> list[SensorFrame]:
    """Return the frames to convert, each once, in the order of their image stamps."""
    if pairs is None:
        frames: list[SensorFrame] = [
            *folder.vehicle_frames.values(),
            *folder.infrastructure_frames.values(),
        ]
    else:
        frames = [frame for pair in pairs for frame in (pair.vehicle, pair.infrastructure)]
    unique = {frame.image_path: frame for frame in frames}
    return sorted(unique.values(), key=lambda frame: frame.image_stamp)


def _make_room(target: Path, overwrite: bool) -> None:
    if not target.exists():
        return
    if not overwrite:
        raise BagError(target, 'exists already', 'choose another target or allow to overwrite it')
    if not (target / 'metadata.yaml').is_file():
        raise BagError(target, 'exists and is no bag', 'choose another target')
    shutil.rmtree(target)
