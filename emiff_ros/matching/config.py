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

"""Parameters of the matching of roadside features to vehicle images."""

from dataclasses import dataclass

from emiff_ros.stamps import MILLISECOND, SECOND


@dataclass(frozen=True)
class MatchingConfig:
    """Windows and bounds; all times in integer nanoseconds.

    Attributes:
        max_age: oldest feature that may be fused, before the vehicle image.
        max_future: newest feature that may be fused, after the vehicle image; also how far the
            stamp of an arrival may run ahead of the node's clock (a sim clock ticks).
        capacity: features kept per station.
        max_stations: stations kept; of more, the one that was of no use for longest makes room.
        max_pose_jump: largest distance between two successive camera positions of a station,
            metres. The known offsets of DAIR-V2X change by 0.93 m between two frames.
        reorder_window: an arrival whose stamp lies further behind the station's newest is late.
        clock_jump: a clock that goes back by more than this has jumped (a bag was started again).
        recent_refusal: how long a refusal explains why a station is not used.
        max_silence: a station that is silent for longer is forgotten, but never before its
            features have left the window.
    """

    max_age: int = 300 * MILLISECOND
    max_future: int = 50 * MILLISECOND
    capacity: int = 8
    max_stations: int = 16
    max_pose_jump: float = 3.0
    reorder_window: int = 2 * SECOND
    clock_jump: int = 1 * SECOND
    recent_refusal: int = 2 * SECOND
    max_silence: int = 60 * SECOND

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ValueError: for a negative window, an empty cache or no distance.
        """
        for name in (
            'max_age',
            'max_future',
            'reorder_window',
            'clock_jump',
            'recent_refusal',
            'max_silence',
        ):
            if getattr(self, name) < 0:
                raise ValueError(f'{name} is {getattr(self, name)} ns; expected 0 or more')
        for name in ('capacity', 'max_stations'):
            if getattr(self, name) < 1:
                raise ValueError(f'{name} is {getattr(self, name)}; expected at least 1')
        if not self.max_pose_jump > 0:
            raise ValueError(f'max_pose_jump is {self.max_pose_jump} m; expected more than 0')

    @property
    def window(self) -> int:
        """Length of the window that a feature must lie in to be fused, nanoseconds."""
        return self.max_age + self.max_future
