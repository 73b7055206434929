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

"""What a lifecycle transition does, so that a failure is said and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.node import Node


def failure_of(
    node: Node, transition: str, action: Callable[[], object], undo: Callable[[], object]
) -> str:
    """Run ``action``; if it raises, log why and run ``undo``.

    rclpy drops what a transition raises without a word.

    Args:
        node: whose log it goes to.
        transition: its name, for the log: ``configure`` or ``activate``.
        action: what the transition does.
        undo: removes what of it was done.

    Returns:
        Why it failed; empty if it did not.
    """
    try:
        action()
    except Exception as error:
        reason = f'cannot {transition}: {_words_of(error)}'
        node.get_logger().error(reason)
        undo()
        return reason
    return ''


def _words_of(error: Exception) -> str:
    """Return what an error says, with its kind where its words are not ours."""
    if isinstance(error, (ValueError, OSError)):
        return str(error)
    return f'{type(error).__name__}: {error}'
