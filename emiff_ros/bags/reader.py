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

"""Opening bags (rosbag2, MCAP or SQLite3) with named errors instead of the library's."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rosbags.interfaces import Connection
from rosbags.rosbag2 import Reader

from emiff_ros.bags.errors import BagError, MissingBagError, MissingTopicsError

_REMEDY = 'record or convert the bag again'


@dataclass(frozen=True)
class BagTopic:
    """One topic of a bag: type such as ``sensor_msgs/msg/CompressedImage``, number of messages."""

    type_name: str
    messages: int


@contextmanager
def _damage_named(path: Path) -> Iterator[None]:
    """Raise BagError for whatever the library and its decompressors raise inside the block."""
    try:
        yield
    except Exception as error:
        reason = f'{type(error).__name__}: {error}'
        raise BagError(path, f'cannot be read ({reason})', _REMEDY) from error


class _NamingReader(Reader):
    """A reader whose own errors, and none of its caller's, become BagError."""

    def open(self) -> None:
        with _damage_named(self.path):
            super().open()

    def messages(self, *args: Any, **kwargs: Any) -> Iterator[tuple[Connection, int, bytes]]:
        with _damage_named(self.path):
            yield from super().messages(*args, **kwargs)


@contextmanager
def open_bag(path: Path | str) -> Iterator[Reader]:
    """Open a bag folder or a single .mcap or .db3 file for reading.

    Raises:
        MissingBagError: if the path does not exist or a folder is no bag.
        BagError: if the bag is damaged (also while it is being read).
    """
    path = Path(path)
    if not path.exists():
        raise MissingBagError(path, 'does not exist', 'give the path of a bag folder')
    if path.is_dir() and not (path / 'metadata.yaml').is_file():
        raise MissingBagError(
            path, 'is no bag (no metadata.yaml)', "give a bag folder, or run 'ros2 bag reindex'"
        )
    with _damage_named(path):
        reader = _NamingReader(path)
    with reader:
        yield reader


def bag_topics(path: Path | str) -> dict[str, BagTopic]:
    """Return the topics of a bag, also those without messages.

    Raises:
        MissingBagError: if the path is no bag.
        BagError: if the bag is damaged.
    """
    with open_bag(path) as reader:
        topics: dict[str, BagTopic] = {}
        for connection in reader.connections:
            known = topics.get(connection.topic)
            count = connection.msgcount + (known.messages if known else 0)
            topics[connection.topic] = BagTopic(connection.msgtype, count)
    return dict(sorted(topics.items()))


def require_topics(path: Path | str, needed: Iterable[str]) -> None:
    """Check that a bag holds at least one message of each needed topic.

    Raises:
        MissingBagError: if the path is no bag.
        MissingTopicsError: listing the topics that are missing or empty and those that exist.
    """
    topics = bag_topics(path)
    missing = sorted(
        {topic for topic in needed if topic not in topics or not topics[topic].messages}
    )
    if missing:
        present = ', '.join(
            f'{name} ({topic.type_name}, {topic.messages} messages)'
            for name, topic in topics.items()
        )
        raise MissingTopicsError(
            path,
            f'has no messages on {", ".join(missing)}; it has {present or "no topics"}',
            'remap the topics or convert the data set again',
        )
