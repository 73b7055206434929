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

"""What goes wrong on the way: the roadside pose is off, its image is old, the light is another.

Every disturbance has an exact size, in a direction that is drawn once for each frame, so that
curves of several networks are measured on the very same errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from emiff_ros.dair.frames import CooperativePair
from emiff_ros.dair.reader import DairFolder
from emiff_ros.geometry import compose, homogeneous, invert_affine
from emiff_ros.stamps import MILLISECOND

Kind = Literal['position', 'heading', 'delay', 'exposure']

UNITS: dict[Kind, str] = {
    'position': 'm',
    'heading': 'degrees',
    'delay': 'ms',
    'exposure': 'stops',
}

_GAMMA = 2.2
_DELAY_TOLERANCE_MS = 50.0


@dataclass(frozen=True)
class Disturbance:
    """One disturbance of one size.

    Attributes:
        kind: ``position`` (the roadside pose is shifted, metres), ``heading`` (it is turned about
            its camera's vertical, degrees), ``delay`` (the roadside image is older, milliseconds)
            or ``exposure`` (both images are brighter or darker, stops).
        size: 0 disturbs nothing; negative for darker images.
    """

    kind: Kind = 'position'
    size: float = 0.0

    @property
    def stops(self) -> float:
        """Return how many times the light is doubled."""
        return self.size if self.kind == 'exposure' else 0.0

    def pose_error(self, pair: CooperativePair, seed: int = 0) -> NDArray[np.float64]:
        """Return the error [4, 4] in the vehicle's frame: true from believed coordinates.

        The roadside camera is believed where its true extrinsics times this matrix put it. The
        direction of the shift and the sign of the turn follow from seed and frame.
        """
        random = np.random.default_rng([seed, int(pair.vehicle.image_stamp % 2**62)])
        angle, sign = random.uniform(-np.pi, np.pi), random.choice([-1.0, 1.0])
        error = np.eye(4)
        if self.kind == 'position':
            error[:2, 3] = self.size * np.array([np.cos(angle), np.sin(angle)])
        elif self.kind == 'heading':
            turn = sign * np.radians(self.size)
            centre = invert_affine(pair.camera_from_vehicle())[:2, 3]
            rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
            error[:2, :2] = rotation
            error[:2, 3] = centre - rotation @ centre
        return error


def expose(picture: NDArray[np.uint8], stops: float) -> NDArray[np.uint8]:
    """Return a picture as a camera takes it with 2^stops times the light (gamma 2.2, clipped)."""
    if not stops:
        return picture
    light = (np.arange(256) / 255.0) ** _GAMMA * 2.0**stops
    levels = 255.0 * np.clip(light, 0.0, 1.0) ** (1.0 / _GAMMA)
    return cv2.LUT(picture, np.round(levels).astype(np.uint8))


def disturbed_camera(
    camera_from_vehicle: NDArray[np.float64], error: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the extrinsics [3, 4] that are believed."""
    return compose(camera_from_vehicle, error[:3])


def disturbed_pose(
    vehicle_from_station: NDArray[np.float64], error: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return [3, 4] where the station's boxes are believed to be in the vehicle's frame."""
    return (np.linalg.inv(error) @ homogeneous(vehicle_from_station))[:3]


def delayed_pairs(
    folder: DairFolder, pairs: Sequence[CooperativePair], milliseconds: Sequence[float]
) -> dict[float, list[CooperativePair]]:
    """Replace the roadside frames of pairs by older ones; poses and labels stay.

    Args:
        folder: holds the older frames.
        pairs: of that folder.
        milliseconds: delays; 0 keeps the pair's own frame.

    Returns:
        For each delay the same pairs in the same order: those that have a roadside frame of their
        drive within 50 ms of every delay.
    """
    stations: dict[tuple[str, str], list] = {}
    for frame in folder.infrastructure_frames.values():
        stations.setdefault((frame.station_id, frame.batch_id), []).append(frame)
    found: dict[float, list[CooperativePair]] = {delay: [] for delay in milliseconds}
    for pair in pairs:
        own = pair.infrastructure
        frames = stations[own.station_id, own.batch_id]
        stamps = np.array([frame.image_stamp for frame in frames], np.int64)
        ages = (own.image_stamp - stamps) / MILLISECOND
        nearest = {delay: int(np.abs(ages - delay).argmin()) for delay in milliseconds}
        if all(abs(ages[i] - delay) <= _DELAY_TOLERANCE_MS for delay, i in nearest.items()):
            for delay, index in nearest.items():
                found[delay].append(replace(pair, infrastructure=frames[index]))
    return found
