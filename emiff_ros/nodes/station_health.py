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

"""Reports the stations of a vehicle: each link, all of them, and what fusion made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from types import SimpleNamespace

from diagnostic_msgs.msg import DiagnosticStatus

from emiff_ros.matching.counters import AllCounters, StationCounters
from emiff_ros.matching.matcher import Matcher
from emiff_ros.matching.results import Match, MatchState
from emiff_ros.nodes.counter_window import WINDOW, CounterWindow, Gain
from emiff_ros.nodes.diagnostics import ERROR, OK, WARN, status
from emiff_ros.stamps import MILLISECOND

_SETTLED = ('received', 'fused', 'superseded', 'expired', 'refused', 'cached')
_APART = ('lost', 'duplicates')


def flat(counters: StationCounters) -> dict[str, int]:
    """Return the counters by name, refused ones also by cause as ``refused.CAUSE``."""
    values = {name: getattr(counters, name) for name in (*_SETTLED, *_APART)}
    causes = sorted(counters.refused_by_cause.items())
    return values | {f'refused.{cause}': count for cause, count in causes}


class StationHealth:
    """Diagnostics ``stations``, ``fusion`` and ``station NAME`` for each known station.

    The matcher forgets a station that is silent for long: that is said once, as an OK, so that
    no warning about it is the last word. So is that the node does not listen.
    """

    def __init__(
        self, matcher: Matcher, values: SimpleNamespace, clock: Callable[[], int]
    ) -> None:
        """Watch the stations of ``matcher``.

        Args:
            matcher: knows the stations and their counters.
            values: the node's parameters.
            clock: the node's, nanoseconds.
        """
        self._matcher = matcher
        self._values = values
        self._clock = clock
        self._listening = self._fusing = False
        self._matches: Mapping[str, Match] = {}
        self._results: Counter[str] = Counter(fused=0, vehicle_only=0)
        self._result_window = CounterWindow()
        self._link_windows: dict[str, CounterWindow] = {}
        self._received: dict[str, int] = {}
        self._unknown_window = CounterWindow()

    def begin(self, fusing: bool) -> None:
        """Begin to listen; ``fusing`` tells whether the network takes roadside features at all."""
        self._listening, self._fusing = True, fusing

    def end(self) -> None:
        """Take it that the node listens no more."""
        self._listening = self._fusing = False

    def note(self, matches: Mapping[str, Match]) -> None:
        """Note what each station contributed to a result."""
        self._matches = dict(matches)
        fused = any(match.state is MatchState.USED for match in matches.values())
        self._results['fused' if fused else 'vehicle_only'] += 1

    def statuses(self) -> dict[str, DiagnosticStatus]:
        """Return all diagnostics by name."""
        self._matcher.forget_silent(self._clock())
        everything = self._matcher.all_counters()
        counters = everything.known
        answers = {
            f'station {name}': status(OK, 'forgotten, for it has fallen silent')
            for name in self._forgotten(counters)
        }
        gains = {name: self._gain(name, entry) for name, entry in counters.items()}
        for name, gain in gains.items():
            answers[f'station {name}'] = self._link(name, flat(counters[name]), gain)
        answers['stations'] = self._all(everything, gains)
        answers['fusion'] = self._fusion()
        return answers

    def _forgotten(self, counters: Mapping[str, StationCounters]) -> list[str]:
        """Drop what is kept of stations without counters, and of those that began anew."""
        gone = [name for name in self._received if name not in counters]
        anew = [
            name
            for name, entry in counters.items()
            if entry.received < self._received.get(name, 0)
        ]
        for name in (*gone, *anew):
            self._link_windows.pop(name, None)
        self._received = {name: entry.received for name, entry in counters.items()}
        return gone

    def _gain(self, name: str, counters: StationCounters) -> Gain:
        return self._link_windows.setdefault(name, CounterWindow()).update(flat(counters))

    def _link(self, name: str, counts: Mapping[str, int], gain: Gain) -> DiagnosticStatus:
        heard, lost = gain['received'], max(gain['lost'], 0)
        loss = lost / (heard + lost) if heard + lost else 0.0
        match = self._matches.get(name)
        values = {'rate_hz': f'{gain.rate("received"):.2f}', 'loss': f'{loss:.3f}'}
        if match is not None:
            values['state'] = match.state.name
            if match.age is not None:
                values['age_ms'] = f'{match.age / MILLISECOND:.1f}'
        values |= counts
        if not self._listening:
            return status(OK, 'not listened to', **values)
        if not heard:
            return status(WARN, f'silent for {WINDOW:.0f} s', **values)
        if gain['refused'] == heard:
            return status(ERROR, f'every feature refused: {gain.causes()}', **values)
        if gain['refused']:
            return status(WARN, f'features refused: {gain.causes()}', **values)
        if loss > self._values.max_loss:
            return status(WARN, f'{loss:.0%} of the features are lost', **values)
        if self._fusing and match is not None and match.state is not MatchState.USED:
            return status(WARN, match.reason or 'not used in the newest result', **values)
        return status(OK, 'heard', **values)

    def _all(self, counters: AllCounters, gains: Mapping[str, Gain]) -> DiagnosticStatus:
        totals: Counter[str] = Counter()
        for entry in (*counters.known.values(), counters.unknown, counters.forgotten):
            totals.update(flat(entry))
        unknown = self._unknown_window.update(flat(counters.unknown))
        heard = sum(gain['received'] > 0 for gain in gains.values())
        text = f'{heard} of {len(gains)} known stations heard'
        if not self._fusing:
            return status(OK, text, **totals)
        if not heard:
            text = f'no station heard for {WINDOW:.0f} s'
        if causes := unknown.causes():
            return status(WARN, f'{text}; refused from unknown ones: {causes}', **totals)
        return status(OK if heard else WARN, text, **totals)

    def _fusion(self) -> DiagnosticStatus:
        gain = self._result_window.update(self._results)
        values = dict(self._results)
        if not gain['fused'] and not gain['vehicle_only']:
            return status(OK, f'no result in the last {WINDOW:.0f} s', mode='none', **values)
        if not self._fusing:
            message = 'the network takes no roadside features'
            return status(OK, message, mode='vehicle_only', **values)
        if gain['fused']:
            share = gain['fused'] / (gain['fused'] + gain['vehicle_only'])
            return status(OK, f'{share:.0%} of the results are fused', mode='fused', **values)
        reasons = '; '.join(f'{name}: {match.reason}' for name, match in self._matches.items())
        message = f'vehicle-only: {reasons or "no station is known"}'
        return status(WARN, message, mode='vehicle_only', **values)
