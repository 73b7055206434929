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

"""Where a pose comes from: a topic, TF or a parameter, behind one interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from emiff_ros.nodes.calibration import Extrinsics

Answer = TypeVar('Answer', covariant=True)


class Source(Protocol[Answer]):
    """Answers for a stamp.

    Attributes:
        name: who answers, for people.
    """

    name: str

    def at(self, stamp: int, timeout: float = 0.0) -> Answer:
        """Return the answer at ``stamp`` (nanoseconds), waiting up to ``timeout`` seconds.

        Raises:
            Refusal: if there is none.
        """


class TopicSource(Source[Answer], Protocol[Answer]):
    """A source that a topic feeds.

    Attributes:
        is_empty: nothing has arrived yet.
    """

    is_empty: bool


class TopicOrTf(Generic[Answer]):
    """The topic as soon as somebody publishes it, TF where nobody does.

    Args:
        topic: fed by the topic.
        tf: reads TF.
        has_publisher: whether somebody publishes the topic at present.
    """

    def __init__(
        self, topic: TopicSource[Answer], tf: Source[Answer], has_publisher: Callable[[], bool]
    ) -> None:
        """Remember both."""
        self._topic = topic
        self._tf = tf
        self._has_publisher = has_publisher

    @property
    def uses_topic(self) -> bool:
        """Whether the topic answers."""
        return not self._topic.is_empty or self._has_publisher()

    @property
    def name(self) -> str:
        """Name of the source that answers now."""
        return (self._topic if self.uses_topic else self._tf).name

    def at(self, stamp: int, timeout: float = 0.0) -> Answer:
        """Return the answer at ``stamp`` (nanoseconds), waiting up to ``timeout`` seconds.

        Raises:
            Refusal: if there is none.
        """
        return (self._topic if self.uses_topic else self._tf).at(stamp, timeout)


class FixedExtrinsics:
    """A camera's pose that a parameter gives."""

    name = 'parameter'

    def __init__(self, extrinsics: Extrinsics) -> None:
        """Remember it."""
        self._extrinsics = extrinsics

    def at(self, stamp: int, timeout: float = 0.0) -> Extrinsics:
        """Return it, whatever the stamp."""
        return self._extrinsics
