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

"""The session of a station and the numbers of its messages."""

import math
import secrets

from emiff_ros.geometry import Affine, invert_affine
from emiff_ros.matching.config import MatchingConfig
from emiff_ros.stamps import SECOND

PAUSE = 1 * SECOND
"""Nanoseconds between two images, after which a camera may be somewhere else."""


class SenderSession:
    """Numbers what a station sends.

    A session begins with the station and again where the camera is somewhere else after a pause,
    as when a station was moved or a replay comes to another junction: vehicles take a new place
    from a new session alone. A camera that jumps from one image to the next is a fault of its
    pose, for vehicles to refuse.

    Attributes:
        number: of the session, drawn at random.
        sequence: of the next message in it.
    """

    def __init__(self) -> None:
        """Begin a session."""
        self._last: tuple[int, Affine] | None = None
        self._begin()

    def follow(self, stamp: int, camera_from_map: Affine) -> None:
        """Begin a new session if the image of the next message needs one.

        Args:
            stamp: of the image, nanoseconds; a replay may go back.
            camera_from_map: its camera's pose, ``[3, 4]``, metres.
        """
        last, self._last = self._last, (stamp, camera_from_map)
        if last is None or abs(stamp - last[0]) <= PAUSE:
            return
        before, now = (invert_affine(pose)[:, 3] for pose in (last[1], camera_from_map))
        if math.dist(before, now) > MatchingConfig.max_pose_jump:
            self._begin()

    def note_sent(self) -> None:
        """Count a message."""
        self.sequence += 1

    def _begin(self) -> None:
        self.number = secrets.randbits(64)
        self.sequence = 0
