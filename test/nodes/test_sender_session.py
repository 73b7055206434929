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

"""When a station begins a new session."""

from nodes.world import camera_from
import pytest

from emiff_ros.nodes.sender_session import SenderSession
from emiff_ros.stamps import SECOND

HERE, NEARBY, ELSEWHERE = (camera_from((x, 5.0, 7.0), 0.3, 0.2) for x in (0.0, 0.93, 1700.0))


def numbers(*images):
    """Return the sessions of messages of images at seconds, each from a place."""
    session, seen = SenderSession(), []
    for seconds, place in images:
        session.follow(int(seconds * SECOND), place)
        seen.append((session.number, session.sequence))
        session.note_sent()
    return seen


@pytest.mark.parametrize('back', [False, True])
def test_another_place_after_a_pause_is_another_session(back):
    seconds = [10.0, 10.1, 70.0, 70.1]
    first, second, third, fourth = numbers(
        *zip([-s if back else s for s in seconds], 2 * [HERE] + 2 * [ELSEWHERE], strict=True)
    )
    assert first[0] == second[0] != third[0] == fourth[0]
    assert [x[1] for x in (first, second, third, fourth)] == [0, 1, 0, 1]


def test_a_pause_alone_is_none():
    first, second, third = numbers((10.0, HERE), (70.0, NEARBY), (5.0, HERE))
    assert first[0] == second[0] == third[0]


def test_a_pose_that_jumps_while_images_come_is_for_vehicles_to_refuse():
    first, second, third = numbers((10.0, HERE), (10.5, ELSEWHERE), (11.0, HERE))
    assert first[0] == second[0] == third[0]


def test_the_first_image_has_nothing_to_jump_from():
    session = SenderSession()
    number = session.number
    session.follow(10 * SECOND, ELSEWHERE)
    assert session.number == number
