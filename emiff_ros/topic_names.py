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

"""Names of topics, checked before anything is opened on them."""

from __future__ import annotations

from rclpy.exceptions import InvalidTopicNameException
from rclpy.expand_topic_name import expand_topic_name
from rclpy.validate_full_topic_name import validate_full_topic_name


def check_topic_name(name: str) -> None:
    """Check a name as ROS 2 does.

    Raises:
        ValueError: if it can be no name of a topic; the message says why.
    """
    try:
        validate_full_topic_name(expand_topic_name(name, 'node', '/'))
    except (InvalidTopicNameException, ValueError) as error:
        reason = str(error).splitlines()[0].rstrip(':')
        raise ValueError(f'{name!r} is no name of a topic: {reason}') from error
