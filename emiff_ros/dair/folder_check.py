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

"""Finds what is missing or broken in a DAIR-V2X-C folder before anything starts to use it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from emiff_ros.dair.errors import DairError
from emiff_ros.dair.frames import (
    CooperativePair,
    InfrastructureFrame,
    SensorFrame,
    VehicleFrame,
)


@dataclass(frozen=True)
class FolderProblem:
    """One thing that is missing or broken.

    Attributes:
        kind: name of the error, such as ``MissingFileError``.
        frame_id: the frame at fault (of pairs, the vehicle's); empty if none can be named.
        message: file, key, what is wrong and what to do.
    """

    kind: str
    frame_id: str
    message: str

    @classmethod
    def from_error(cls, error: DairError, frame_id: str = '') -> 'FolderProblem':
        """Describe an error that reading the folder raised."""
        return cls(type(error).__name__, frame_id, str(error))

    def __str__(self) -> str:
        """Return ``kind: message``."""
        return f'{self.kind}: {self.message}'


def frame_problems(frame: SensorFrame) -> list[FolderProblem]:
    """Return what is wrong with one frame's image and calibration (every file is looked at)."""
    checks: list[Callable[[], object]] = [frame.image_bytes, frame.intrinsics, frame.distortion]
    if isinstance(frame, VehicleFrame):
        checks += [frame.camera_from_vehicle, frame.map_from_vehicle]
    elif isinstance(frame, InfrastructureFrame):
        checks += [frame.camera_from_virtual_lidar, frame.map_from_virtual_lidar]
    return _collect(checks, frame.frame_id)


def label_problems(pair: CooperativePair) -> list[FolderProblem]:
    """Return what is wrong with the cooperative labels of one pair."""
    return _collect([pair.labels], pair.vehicle.frame_id)


def _collect(checks: Iterable[Callable[[], object]], frame_id: str) -> list[FolderProblem]:
    problems = {}
    for check in checks:
        try:
            check()
        except DairError as error:
            problem = FolderProblem.from_error(error, frame_id)
            problems[problem.message] = problem
    return list(problems.values())
