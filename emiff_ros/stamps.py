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

"""Stamps and durations as integer nanoseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from builtin_interfaces.msg import Time

MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000


def nanoseconds_of(stamp: Time) -> int:
    """Return a message's stamp in nanoseconds; below zero for one that rclpy would not take."""
    return stamp.sec * SECOND + stamp.nanosec
