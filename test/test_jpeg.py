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

import cv2
import numpy as np
import pytest

from emiff_ros.jpeg import is_complete_jpeg, is_jpeg


@pytest.fixture(scope='module')
def jpeg():
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    return cv2.imencode('.jpg', pixels)[1].tobytes()


@pytest.mark.parametrize('filling', [b'', b'\x00', bytes(4096)])
def test_a_whole_one_may_be_followed_by_zeros(jpeg, filling):
    assert is_complete_jpeg(jpeg + filling)


def test_every_cut_is_seen(jpeg):
    for length in range(len(jpeg)):
        assert not is_complete_jpeg(jpeg[:length])
    assert is_jpeg(jpeg[:2])


@pytest.mark.parametrize('data', [b'', b'\xff\xd9', b'\x89PNG\xff\xd9', b'\xff\xd8'])
def test_what_is_no_jpeg_is_not_complete(data):
    assert not is_complete_jpeg(data)
