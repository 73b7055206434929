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

"""Keeps the camera calibrations of a topic and finds the one that is valid at a stamp."""

from __future__ import annotations

from dataclasses import dataclass
import threading

import numpy as np
from numpy.typing import NDArray

from emiff_msgs.msg import CameraCalibration
from emiff_ros.geometry import as_affine
from emiff_ros.nodes.refusal import Refusal
from emiff_ros.nodes.stamped_entries import StampedEntries
from emiff_ros.stamps import nanoseconds_of


@dataclass(frozen=True)
class Extrinsics:
    """Pose of a camera.

    Attributes:
        valid_from: nanoseconds.
        camera_frame: optical frame.
        reference_frame: frame that ``camera_from_reference`` refers to.
        camera_from_reference: ``[3, 4]`` affine, metres.
    """

    valid_from: int
    camera_frame: str
    reference_frame: str
    camera_from_reference: NDArray[np.float64]


class CalibrationBuffer:
    """The last calibrations of one camera, ordered by the time from which they hold.

    Calibrations may arrive ahead of their validity, so that a change is known before its first
    image.
    """

    name = 'calibration'

    def __init__(self, capacity: int = 64) -> None:
        """Keep at most ``capacity`` calibrations."""
        self._changed = threading.Condition()
        self._entries = StampedEntries[Extrinsics](lambda entry: entry.valid_from, capacity)

    def add(self, message: CameraCalibration) -> None:
        """Store one calibration.

        Raises:
            Refusal: ``bad_calibration``.
        """
        if not message.reference_frame:
            raise Refusal(
                'bad_calibration',
                'calibration names no reference_frame: set it to the map or vehicle frame',
            )
        try:
            affine = as_affine(message.camera_from_reference, 'camera_from_reference')
        except ValueError as error:
            raise Refusal(
                'bad_calibration', f'calibration of {message.header.frame_id!r}: {error}'
            ) from error
        entry = Extrinsics(
            nanoseconds_of(message.header.stamp),
            message.header.frame_id,
            message.reference_frame,
            affine,
        )
        with self._changed:
            self._entries.add(entry)
            self._changed.notify_all()

    @property
    def is_empty(self) -> bool:
        """Whether no calibration has arrived yet."""
        return not self._entries

    def at(self, stamp: int, timeout: float = 0.0) -> Extrinsics:
        """Return the calibration in force at ``stamp``.

        Before the first known one, the first is used: a camera does not move because its
        calibration arrived late.

        Args:
            stamp: nanoseconds.
            timeout: how long to wait for the first one, seconds of the steady clock.

        Raises:
            Refusal: ``no_calibration`` if none has arrived.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._entries, timeout):
                raise Refusal(
                    'no_calibration',
                    'no camera calibration has arrived yet: is ~/input/calibration published?',
                )
            return self._entries[max(self._entries.after(stamp) - 1, 0)]
