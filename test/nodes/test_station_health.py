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

"""What the vehicle reports of its stations, and of those that it does not know (any more)."""

from functools import partial
from types import SimpleNamespace

from matching.station_feed import Header, at, drive
import pytest

from emiff_ros.matching.config import MatchingConfig
from emiff_ros.matching.matcher import Matcher
from emiff_ros.nodes import station_health
from emiff_ros.nodes.counter_window import CounterWindow
from emiff_ros.nodes.diagnostics import ERROR, OK, WARN
from emiff_ros.nodes.received_feature import unused

SETTLED = ('fused', 'superseded', 'expired', 'refused', 'cached')


class Vehicle:
    """A matcher, its diagnostics and the steady clock that they read."""

    def __init__(self, monkeypatch):
        self.steady = 100.0
        window = partial(CounterWindow, clock=lambda: self.steady)
        monkeypatch.setattr(station_health, 'CounterWindow', window)
        self.matcher = Matcher(MatchingConfig(max_stations=2))
        self.now = at(0)
        self.health = station_health.StationHealth(
            self.matcher, SimpleNamespace(max_loss=0.5), lambda: self.now
        )
        self.health.begin(True)

    def see(self, moment):
        """Make a result of an image at ``moment`` (ms)."""
        self.now = at(moment)
        matches = self.matcher.match(at(moment), self.now)
        self.health.note(matches)
        return matches

    def report(self, seconds=1.0):
        """Return levels and messages by name, ``seconds`` after the report before."""
        self.steady += seconds
        answers = self.health.statuses()
        self.values = {
            name: {item.key: item.value for item in entry.values}
            for name, entry in answers.items()
        }
        totals = {name: int(value) for name, value in self.values['stations'].items()}
        assert totals['received'] == sum(totals[name] for name in SETTLED)
        return {name: (entry.level, entry.message) for name, entry in answers.items()}


@pytest.fixture
def vehicle(monkeypatch):
    return Vehicle(monkeypatch)


def test_a_station_left_behind_warns_and_comes_back_to_ok(vehicle):
    drive(vehicle.matcher, range(3))
    vehicle.see(210)
    assert vehicle.report()['station north'] == (OK, 'heard')
    vehicle.see(10_000)
    level, message = vehicle.report(10.0)['station north']
    assert (level, 'silent' in message) == (WARN, True)
    vehicle.see(70_000)
    level, message = vehicle.report(60.0)['station north']
    assert (level, 'forgotten' in message) == (OK, True)
    assert vehicle.values['stations']['received'] == '3'
    assert 'station north' not in vehicle.report()


def test_a_station_is_forgotten_although_no_image_comes(vehicle):
    drive(vehicle.matcher, range(3))
    vehicle.report()
    vehicle.now = at(70_000)
    level, message = vehicle.report(70.0)['station north']
    assert (level, 'forgotten' in message) == (OK, True)


def test_a_node_that_does_not_listen_warns_of_no_station(vehicle):
    drive(vehicle.matcher, range(3))
    vehicle.report()
    vehicle.health.end()
    answers = vehicle.report(10.0)
    assert answers['station north'] == (OK, 'not listened to')
    assert answers['stations'][0] == OK


def test_refusals_of_unknown_stations_warn_by_cause(vehicle):
    vehicle.matcher.refuse('stranger', 'wrong_model', 'other weights', at(0))
    level, message = vehicle.report()['stations']
    assert level == WARN
    assert message == 'no station heard for 3 s; refused from unknown ones: wrong_model (1)'
    drive(vehicle.matcher, range(3))
    level, message = vehicle.report()['stations']
    assert (level, 'wrong_model (1)' in message) == (WARN, True)
    vehicle.report(4.0)
    drive(vehicle.matcher, range(3, 6))
    answers = vehicle.report()
    assert answers['stations'] == (OK, '1 of 1 known stations heard')
    assert set(answers) == {'stations', 'fusion', 'station north'}
    assert vehicle.values['stations']['refused.wrong_model'] == '1'


def test_refusals_of_a_known_station_are_its_own(vehicle):
    drive(vehicle.matcher, range(3))
    vehicle.report()
    vehicle.report(4.0)
    vehicle.matcher.refuse('north', 'wrong_model', 'other weights', at(300))
    answers = vehicle.report()
    assert answers['station north'] == (ERROR, 'every feature refused: wrong_model (1)')
    assert answers['stations'] == (OK, '1 of 1 known stations heard')


def test_refusals_of_a_forgotten_station_are_not_news(vehicle):
    drive(vehicle.matcher, range(3))
    vehicle.matcher.refuse('north', 'checksum', 'bit flipped', at(300))
    vehicle.report()
    vehicle.see(90_000)
    level, message = vehicle.report()['stations']
    assert (level, message) == (WARN, 'no station heard for 3 s')
    assert vehicle.values['stations']['refused.checksum'] == '1'


def test_a_station_that_made_room_between_two_reports_is_heard_anew(vehicle):
    drive(vehicle.matcher, range(10))
    vehicle.report()
    for name, moment in (('a', 1000), ('b', 1500), ('north', 2000)):
        header = Header(at(moment), station_id=name)
        vehicle.matcher.add(header, None, at(moment))
    vehicle.see(2010)
    answers = vehicle.report()
    assert answers['station north'] == (OK, 'heard')
    assert set(answers) == {'stations', 'fusion', 'station b', 'station north'}
    assert vehicle.values['stations']['received'] == '13'
    vehicle.report()
    assert float(vehicle.values['station north']['rate_hz']) == 1.0


def test_a_network_without_roadside_views_misses_no_station(vehicle):
    vehicle.health.begin(False)
    drive(vehicle.matcher, range(3))
    matches = vehicle.matcher.match(at(210), at(210))
    vehicle.health.note({name: unused(one, 'takes none') for name, one in matches.items()})
    answers = vehicle.report()
    assert {level for level, _ in answers.values()} == {OK}
