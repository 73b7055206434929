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

"""What the roadside sent, from a recorded topic: serialised lengths and AB."""

from collections.abc import Callable
from dataclasses import dataclass
import math
from pathlib import Path
from typing import Any

from rosbags.interfaces import Connection
from rosbags.serde import SerdeError

from emiff_ros.bags.errors import BagError
from emiff_ros.bags.message_types import recorded_types
from emiff_ros.bags.reader import bag_topics, open_bag
from emiff_ros.dair.bag_topics import COMPRESSED_IMAGE, DETECTIONS
from emiff_ros.dair.evaluation import late_fusion_bytes

FEATURE_TENSOR = 'emiff_msgs/msg/FeatureTensor'

_BYTES_PER_FLOAT = 4

# What published figures count for one message: a feature 4 bytes a value, a box 72, an image its
# JPEG.
_AVERAGE_BYTES: dict[str, Callable[[Any], float]] = {
    FEATURE_TENSOR: lambda message: _BYTES_PER_FLOAT * math.prod(map(int, message.shape)),
    DETECTIONS: lambda message: late_fusion_bytes(len(message.detections)),
    COMPRESSED_IMAGE: lambda message: float(len(message.data)),
}


@dataclass(frozen=True)
class MessageSizes:
    """Length of the messages on a topic, bytes.

    Attributes:
        messages: their number.
        mean: serialised length.
        largest: the same of the largest message.
        average_bytes: AB, the mean of what published figures count; None for a type of message
            that they do not know.
    """

    messages: int
    mean: float
    largest: int
    average_bytes: float | None


def message_sizes(path: Path | str, topic: str) -> MessageSizes | None:
    """Return the lengths of the messages on a topic of a bag; None if it has no messages.

    Raises:
        MissingFileError: if the path is no bag, or neither it nor this machine has the definition
            of its messages.
        BagError: if the bag is damaged.
    """
    topics = bag_topics(path)
    if topic not in topics or not topics[topic].messages:
        return None
    count = _AVERAGE_BYTES.get(topics[topic].type_name)
    with open_bag(path) as reader:
        connections = [item for item in reader.connections if item.topic == topic]
        read = _reader(connections[0]) if count else None
        sizes, counted = [], []
        for _, _, data in reader.messages(connections):
            sizes.append(len(data))
            if read is None:
                continue
            try:
                counted.append(count(read(data)))
            except SerdeError as error:
                raise BagError(path, f'{topic}: {error}', 'record the bag again') from error
    average = sum(counted) / len(counted) if counted else None
    return MessageSizes(len(sizes), sum(sizes) / len(sizes), max(sizes), average)


def _reader(connection: Connection) -> Callable[[bytes], Any]:
    """Return what deserialises the connection's messages, by the bag's own definition if any."""
    typestore = recorded_types(connection)
    return lambda data: typestore.deserialize_cdr(data, connection.msgtype)
