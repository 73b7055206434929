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

"""Subscribes to what a node's poses come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emiff_ros.nodes.managed_node import ManagedNode
from emiff_ros.nodes.pose_sources import Source, TopicOrTf, TopicSource
from emiff_ros.nodes.transforms import Transforms, tf_is_wanted


class PoseInputs:
    """Opens topics and TF as the parameters of a node want them."""

    def __init__(self, node: ManagedNode, *wanted: str) -> None:
        """Listen to TF if one of ``wanted`` (``auto``, ``tf`` or a topic's source) asks for it.

        Raises:
            ParameterError: if TF is wanted but not installed.
        """
        self._node = node
        self._transforms: Transforms | None = None
        if tf_is_wanted(*wanted):
            self._transforms = Transforms(node)
            node.inputs.call_on_destroy(self._transforms.close)

    def open(
        self,
        wanted: str,
        message_type: type,
        topic: str,
        buffer: TopicSource,
        make_tf: Callable[[Transforms], Source],
        **watch: Any,
    ) -> Source:
        """Return the source that a parameter wants, with its topic subscribed to.

        Args:
            wanted: ``tf``, ``auto``, or another word for the topic.
            message_type: of the topic.
            topic: that feeds ``buffer``.
            buffer: takes messages with ``add``.
            make_tf: makes the same source from TF.
            **watch: depth and kind of the topic, as of :meth:`NodeInputs.listen_and_watch`.
        """
        if wanted == 'tf':
            return make_tf(self._transforms)
        source: Source = buffer
        needed = {}
        if wanted == 'auto' and self._transforms is not None:
            name = self._node.resolve_topic_name(topic)
            source = TopicOrTf(
                buffer,
                make_tf(self._transforms),
                lambda: self._node.count_publishers(name) > 0,
            )
            needed = {'needed': lambda: source.uses_topic}
        self._node.inputs.listen_and_watch(message_type, topic, buffer.add, **watch, **needed)
        return source
