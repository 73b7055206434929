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

"""Which roadside offset is in force where."""

from pathlib import Path

from emiff_ros.dair.frames import InfrastructureFrame
from emiff_ros.dair.offsets import offsets_in_force


def frame(frame_id, stamp, station='a'):
    return InfrastructureFrame(
        frame_id=frame_id,
        side_root=Path('.'),
        image_path=Path(f'{frame_id}.jpg'),
        image_stamp=stamp,
        pointcloud_stamp=None,
        batch_id='0',
        first_frame=None,
        last_frame=None,
        paths={},
        station_id=station,
    )


def test_last_known_offset_is_carried_on_in_time_order():
    frames = [frame('4', 40), frame('1', 10), frame('3', 30), frame('2', 20)]
    offsets = offsets_in_force(frames, [('2', (0.5, 0.1)), ('3', None)])
    assert offsets['1'].offset == (0.0, 0.0) and offsets['1'].source == 'unknown'
    assert offsets['2'].offset == (0.5, 0.1) and offsets['2'].source == 'pair'
    assert offsets['3'].offset == (0.5, 0.1) and offsets['3'].source == 'last_known'
    assert offsets['4'].offset == (0.5, 0.1) and offsets['4'].source == 'last_known'


def test_zero_is_a_known_offset():
    offsets = offsets_in_force(
        [frame('1', 10), frame('2', 20), frame('3', 30)], [('1', (0.6, 0.6)), ('2', (0.0, 0.0))]
    )
    assert [offsets[key].offset for key in '123'] == [(0.6, 0.6), (0.0, 0.0), (0.0, 0.0)]


def test_stations_keep_their_own_offsets():
    frames = [frame('1', 10, 'a'), frame('2', 20, 'b'), frame('3', 30, 'a')]
    offsets = offsets_in_force(frames, [('1', (1.0, 1.0)), ('2', (2.0, 2.0))])
    assert offsets['3'].offset == (1.0, 1.0)


def test_the_first_of_several_pairs_decides():
    offsets = offsets_in_force([frame('1', 10)], [('1', (1.0, 0.0)), ('1', (2.0, 0.0))])
    assert offsets['1'].offset == (1.0, 0.0)
