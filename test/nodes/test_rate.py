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

"""The station keeps its messages inside the byte budget and says what that took."""

import time

from nodes.world import wait_for

RATE = 'rate'


def report(world, station):
    return world.listener.diagnostics(station, RATE)


def sent_within(world, station, budget, timeout=30.0):
    """Publish images until the newest message keeps ``budget``; return its length."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        stamp = world.publish_station()
        if wait_for(lambda stamp=stamp: stamp in world.listener.features, 1.0, required=False):
            size = world.listener.features[stamp].message
            if size <= budget:
                return size
    raise AssertionError('no message inside the budget')


def test_messages_keep_the_budget(world, start):
    station = start('infrastructure', byte_budget=480).description.fully_qualified_name
    size = sent_within(world, station, 480)
    assert size > 300
    assert all(feature.message <= 480 for feature in world.listener.features.values())
    wait_for(lambda: report(world, station).get('message_bytes') is not None, 10)
    values = report(world, station)
    assert values['profile'] == 'lan'
    assert int(values['byte_budget']) == 480
    assert int(values['message_bytes']) <= 480
    assert values['quantization'] in ('int8', 'int4')


def test_an_impossible_budget_is_refused_by_name(world, start):
    station = start('infrastructure', byte_budget=100).description.fully_qualified_name

    def refused():
        world.publish_station()
        values = world.listener.diagnostics(station, 'images')
        return int(values.get('refused.budget', 0)) > 0

    wait_for(refused, 30)
    assert not world.listener.features
