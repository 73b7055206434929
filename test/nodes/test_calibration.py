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

import numpy as np
import pytest

from emiff_msgs.msg import CameraCalibration
from emiff_ros.nodes.calibration import CalibrationBuffer
from emiff_ros.nodes.refusal import Refusal
from emiff_ros.stamps import SECOND


def calibration(seconds, x=0.0):
    message = CameraCalibration(reference_frame='map')
    message.header.stamp.sec = seconds
    affine = np.eye(4)[:3]
    affine[0, 3] = x
    message.camera_from_reference = affine.ravel()
    return message


def test_each_calibration_holds_from_its_stamp_on():
    buffer = CalibrationBuffer()
    for seconds in (20, 10, 30):
        buffer.add(calibration(seconds, x=float(seconds)))
    found = [buffer.at(t * SECOND).camera_from_reference[0, 3] for t in (10, 19, 20, 29, 31)]
    assert found == [10, 10, 20, 20, 30]


def test_before_the_first_one_the_first_is_used():
    buffer = CalibrationBuffer()
    buffer.add(calibration(10, x=1.0))
    assert buffer.at(5 * SECOND).camera_from_reference[0, 3] == 1.0


def test_a_repeated_stamp_replaces():
    buffer = CalibrationBuffer()
    buffer.add(calibration(10, x=1.0))
    buffer.add(calibration(10, x=2.0))
    assert buffer.at(10 * SECOND).camera_from_reference[0, 3] == 2.0


def test_the_oldest_are_forgotten():
    buffer = CalibrationBuffer(capacity=2)
    for seconds in (1, 2, 3):
        buffer.add(calibration(seconds, x=float(seconds)))
    assert buffer.at(SECOND).camera_from_reference[0, 3] == 2.0


def test_a_looped_bag_of_more_calibrations_than_are_kept_begins_anew():
    buffer = CalibrationBuffer(capacity=3)
    for seconds in (1, 2, 3, 4, 5, 6):
        buffer.add(calibration(seconds, x=float(seconds)))
    for seconds in (1, 2):
        buffer.add(calibration(seconds, x=float(seconds)))
        assert buffer.at(seconds * SECOND).camera_from_reference[0, 3] == seconds


def test_refuses_before_any_has_arrived():
    with pytest.raises(Refusal, match='no camera calibration') as refusal:
        CalibrationBuffer().at(SECOND)
    assert refusal.value.cause == 'no_calibration'


@pytest.mark.parametrize(
    ('spoil', 'message'),
    [
        (lambda m: m.camera_from_reference.__setitem__(3, float('nan')), 'not finite'),
        (lambda m: m.camera_from_reference.fill(0.0), 'cannot be inverted'),
        (lambda m: setattr(m, 'reference_frame', ''), 'names no reference_frame'),
    ],
)
def test_refuses_a_bad_calibration(spoil, message):
    bad = calibration(10)
    spoil(bad)
    with pytest.raises(Refusal, match=message) as refusal:
        CalibrationBuffer().add(bad)
    assert refusal.value.cause == 'bad_calibration'
