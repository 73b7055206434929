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

"""Fields lie where rclpy looks for them; features and detections have tests of their own."""

import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Float64MultiArray, Header, MultiArrayDimension, MultiArrayLayout

from emiff_ros.transport.cdr import CdrWriter, stamp_of

STAMP = 1_626_165_671_102_639_001


@pytest.mark.parametrize('values', [[], [0.5], [1.5, -2.0, 1e300]])
def test_fields_are_aligned_to_their_size(values):
    writer = CdrWriter()
    writer.numbers('I', 1)
    writer.text('odd')
    writer.numbers('I', 7, 8)
    writer.numbers('I', 3)
    writer.sequence(np.array(values))
    dimension = MultiArrayDimension(label='odd', size=7, stride=8)
    built = Float64MultiArray(layout=MultiArrayLayout(dim=[dimension], data_offset=3), data=values)
    assert deserialize_message(writer.message(), Float64MultiArray) == built


def test_arrays_of_big_endian_hosts_travel_as_little_endian():
    writer = CdrWriter()
    writer.array(np.array([1.0, 2.0], '>f4'))
    assert writer.body == np.array([1.0, 2.0], '<f4').tobytes()


def test_stamp_of_a_serialised_message():
    header = Header(frame_id='camera')
    header.stamp.sec, header.stamp.nanosec = divmod(STAMP, 10**9)
    message = serialize_message(header)
    assert stamp_of(message) == STAMP
    writer = CdrWriter()
    writer.time(STAMP)
    assert stamp_of(writer.message()) == STAMP
    swapped = bytes([0, 0, 0, 0]) + message[4:8][::-1] + message[8:12][::-1]
    assert stamp_of(swapped) == STAMP
