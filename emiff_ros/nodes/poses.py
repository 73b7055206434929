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

"""Keeps the vehicle's odometry and gives its pose at the stamp of an image."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
import threading

from nav_msgs.msg import Odometry
import numpy as np
from numpy.typing import NDArray

from emiff_ros.geometry import affine_from_parts, rotation_from_quaternion
from emiff_ros.matching.config import MatchingConfig
from emiff_ros.nodes.refusal import Refusal
from emiff_ros.nodes.stamped_entries import StampedEntries
from emiff_ros.stamps import MILLISECOND, SECOND, nanoseconds_of

CLOCK_JUMP = MatchingConfig.clock_jump
"""Nanoseconds: odometry that goes back by more is of another run, as it is for the matching."""


@dataclass(frozen=True)
class VehiclePose:
    """Pose of the vehicle in the map.

    Attributes:
        stamp: nanoseconds.
        map_frame: name of the map's frame.
        vehicle_frame: name of the vehicle's frame.
        position: ``[3]`` metres.
        quaternion: ``[4]`` x, y, z, w, unit length.
    """

    stamp: int
    map_frame: str
    vehicle_frame: str
    position: NDArray[np.float64]
    quaternion: NDArray[np.float64]

    @property
    def map_from_vehicle(self) -> NDArray[np.float64]:
        """``[3, 4]`` rigid transform, metres."""
        return affine_from_parts(rotation_from_quaternion(self.quaternion), self.position)


class PoseBuffer:
    """The last poses of the vehicle, ordered by stamp, interpolated in between.

    Args:
        max_gap: largest distance between two poses that are interpolated, seconds.
        capacity: how many poses are kept.
    """

    name = 'odometry'

    def __init__(self, max_gap: float, capacity: int = 400) -> None:
        """Start empty."""
        self._max_gap = int(max_gap * SECOND)
        self._changed = threading.Condition()
        self._poses = StampedEntries[VehiclePose](lambda pose: pose.stamp, capacity)

    def add(self, message: Odometry) -> None:
        """Store one odometry message.

        Raises:
            Refusal: ``bad_odometry``.
        """
        pose = message.pose.pose
        position = np.array([pose.position.x, pose.position.y, pose.position.z])
        orientation = pose.orientation
        quaternion = np.array([orientation.x, orientation.y, orientation.z, orientation.w])
        norm = float(np.linalg.norm(quaternion))
        stamp = nanoseconds_of(message.header.stamp)
        if not np.isfinite(position).all() or not 0.9 < norm < 1.1 or stamp <= 0:
            raise Refusal(
                'bad_odometry',
                f'odometry at {stamp} ns has position {position.tolist()} and orientation '
                f'{quaternion.tolist()}; '
                'expected a stamp, finite metres and a unit quaternion',
            )
        entry = VehiclePose(
            stamp, message.header.frame_id, message.child_frame_id, position, quaternion / norm
        )
        with self._changed:
            if self._poses and stamp < self._poses[-1].stamp - CLOCK_JUMP:
                self._poses.clear()  # a bag or a simulator was started again
            self._poses.add(entry)
            self._changed.notify_all()

    @property
    def is_empty(self) -> bool:
        """Whether no pose has arrived yet."""
        return not self._poses

    def at(self, stamp: int, timeout: float = 0.0) -> VehiclePose:
        """Return the pose at ``stamp``, waiting for it if it may still arrive.

        Args:
            stamp: nanoseconds.
            timeout: longest wait, seconds of the steady clock.

        Raises:
            Refusal: ``no_pose``, when no pose at the stamp or on both sides of it arrives in time;
                ``frame_mismatch``, when those on both sides are of different frames.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._poses and self._poses[-1].stamp >= stamp, timeout)
            stamps = self._poses.stamps
            index = bisect_left(stamps, stamp)
            if index < len(stamps) and stamps[index] == stamp:
                return self._poses[index]
            if 0 < index < len(stamps) and stamps[index] - stamps[index - 1] <= self._max_gap:
                return _interpolate(self._poses[index - 1], self._poses[index], stamp)
        nearest = min((abs(known - stamp) for known in stamps), default=None)
        found = (
            'no odometry has arrived'
            if nearest is None
            else f'the nearest pose is {nearest / MILLISECOND:.0f} ms away'
        )
        raise Refusal('no_pose', f'no pose for the image at {stamp} ns: {found}')


def _interpolate(before: VehiclePose, after: VehiclePose, stamp: int) -> VehiclePose:
    """Interpolate linearly in position and along the shorter arc in orientation.

    Raises:
        Refusal: ``frame_mismatch``, for poses of different frames.
    """
    frames, others = ((pose.vehicle_frame, pose.map_frame) for pose in (before, after))
    if frames != others:
        raise Refusal(
            'frame_mismatch',
            f'the odometry around {stamp} ns is first of {frames[0]!r} in {frames[1]!r}, then of '
            f'{others[0]!r} in {others[1]!r}; expected one publisher with the same frames',
        )
    share = (stamp - before.stamp) / (after.stamp - before.stamp)
    position = (1 - share) * before.position + share * after.position
    cosine = float(before.quaternion @ after.quaternion)
    end = after.quaternion if cosine >= 0 else -after.quaternion
    angle = np.arccos(min(abs(cosine), 1.0))
    if angle < 1e-6:
        quaternion = (1 - share) * before.quaternion + share * end
    else:
        quaternion = (
            np.sin((1 - share) * angle) * before.quaternion + np.sin(share * angle) * end
        ) / np.sin(angle)
    return VehiclePose(
        stamp,
        before.map_frame,
        before.vehicle_frame,
        position,
        quaternion / np.linalg.norm(quaternion),
    )
