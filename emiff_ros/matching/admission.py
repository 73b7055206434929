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

"""Which arrivals of one station are taken in: sessions, order, stamps and pose."""

from dataclasses import dataclass
import math

from emiff_ros.matching.config import MatchingConfig
from emiff_ros.matching.results import StampedHeader
from emiff_ros.matching.sequence import Order, SequenceTracker
from emiff_ros.stamps import SECOND

_RETIRED_SESSIONS = 8
_CONFIRMATIONS = 3


@dataclass(frozen=True)
class Verdict:
    """What is to happen with an arrival.

    Attributes:
        cause: None to take it in, else why not; ``duplicate`` is one of the causes.
        reason: one sentence for people.
        begins_again: whether the sender's timeline was begun anew with this arrival.
    """

    cause: str | None = None
    reason: str = ''
    begins_again: bool = False


class Admission:
    """Judges the arrivals of one station in the order in which they arrive.

    Messages may come late, twice or not at all. A new ``session_id`` is a restart of the sender.
    Three successive arrivals that continue each other far in the past mean that the sender's
    timeline was begun anew (a bag was looped); one or two are only late. Not safe to use from
    several threads: its station locks.
    """

    def __init__(self, station_id: str, config: MatchingConfig) -> None:
        """Start without any arrival."""
        self.station_id = station_id
        self.newest: int | None = None
        self.restarts = 0
        self._config = config
        self._sequence = SequenceTracker()
        self._session: int | None = None
        self._retired: list[int] = []
        self._position: tuple[float, float, float] | None = None
        self._past: list[StampedHeader] = []

    def configure(self, config: MatchingConfig) -> None:
        """Judge by other windows and bounds from now on."""
        self._config = config

    @property
    def lost(self) -> int:
        """Open gaps of the sequence."""
        return self._sequence.lost

    def judge(self, header: StampedHeader, now: int) -> Verdict:
        """Judge an arrival at ``now`` (the node's clock, nanoseconds)."""
        if header.stamp <= 0:
            self.note_refused(header)
            return Verdict('zero_stamp', f'stamp {header.stamp}; expected a capture time')
        if header.stamp > now + self._config.max_future:
            self.note_refused(header)
            return Verdict('stamp_ahead', _ahead_reason(header.stamp, now))
        retired = header.session_id in self._retired
        far_behind = False
        if header.session_id == self._session:
            order = self._sequence.observe(header.sequence)
            if order is Order.DUPLICATE:
                return Verdict('duplicate', f'message {header.sequence} arrived again')
            far_behind = order is Order.FAR_BEHIND
        elif not retired:
            begins_again = self._is_behind(header.stamp)
            self._begin_session(header)
            return self._judge_pose(header, begins_again)
        if far_behind or self._is_behind(header.stamp):
            if not self._continues_the_past(header):
                behind = max((self.newest or header.stamp) - header.stamp, 0) / SECOND
                return Verdict(
                    'late', f'message {header.sequence} is {behind:.3f} s behind the newest'
                )
            self.begin_again()
            self._begin_session(header)
            return self._judge_pose(header, begins_again=True)
        if retired:
            if not self._is_silent_at(header.stamp):
                return Verdict(
                    'old_session',
                    f'session {header.session_id:x} was followed by {self._session:x}; do two '
                    f'senders share the name {self.station_id!r}?',
                )
            self._begin_session(header)
        return self._judge_pose(header, begins_again=False)

    def note_accepted(self, header: StampedHeader) -> None:
        """Remember an arrival that was taken in."""
        self._past.clear()
        self.newest = header.stamp if self.newest is None else max(self.newest, header.stamp)
        if header.camera_position is not None:
            self._position = header.camera_position

    def note_refused(self, header: StampedHeader) -> None:
        """Remember that the sequence number of a refused message did arrive; a copy may follow."""
        if header.session_id == self._session:
            self._sequence.observe_unusable(header.sequence)

    def begin_again(self) -> None:
        """Forget the timeline; gaps that were counted as lost stay counted."""
        self._sequence.begin_again()
        self._session = None
        self._retired.clear()
        self._past.clear()
        self.newest = None
        self._position = None

    def _begin_session(self, header: StampedHeader) -> None:
        if self._session not in (None, header.session_id):
            self._retired = [*self._retired, self._session][-_RETIRED_SESSIONS:]
            self.restarts += 1
        self._retired = [session for session in self._retired if session != header.session_id]
        self._session = header.session_id
        self._position = None
        self.newest = None
        self._sequence.begin_again()
        self._sequence.observe(header.sequence)

    def _is_behind(self, stamp: int) -> bool:
        """Tell whether ``stamp`` lies too far behind the newest to have been overtaken by it."""
        return self.newest is not None and stamp < self.newest - self._config.reorder_window

    def _is_silent_at(self, stamp: int) -> bool:
        """Tell whether the present session has sent nothing of use for a while before ``stamp``.

        One stray message of another sender must not lock the station out for good.
        """
        return self.newest is None or stamp > self.newest + self._config.reorder_window

    def _continues_the_past(self, header: StampedHeader) -> bool:
        last = self._past[-1] if self._past else None
        if not (
            last
            and last.session_id == header.session_id
            and last.sequence < header.sequence
            and 0 < header.stamp - last.stamp <= self._config.reorder_window
        ):
            self._past.clear()
        self._past.append(header)
        return len(self._past) >= _CONFIRMATIONS

    def _judge_pose(self, header: StampedHeader, begins_again: bool) -> Verdict:
        if header.camera_position is not None and self._position is not None:
            distance = math.dist(header.camera_position, self._position)
            if not distance <= self._config.max_pose_jump:
                return Verdict(
                    'pose_jump',
                    f'the camera moved by {distance:.2f} m; at most '
                    f'{self._config.max_pose_jump:g} m are taken without a restart of the station',
                )
        return Verdict(begins_again=begins_again)


def _ahead_reason(stamp: int, now: int) -> str:
    if now <= 0:
        return 'the clock stands at 0; is /clock published (use_sim_time is set)?'
    ahead = (stamp - now) / SECOND
    hint = ' (is a bag played without --clock and use_sim_time?)' if ahead > 3600 else ''
    return (
        f'the stamp lies {ahead:.3f} s ahead of the clock; synchronise the clocks, unless a '
        f'replay has just begun again{hint}'
    )
