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

"""The shipped Fast DDS profile brings images of any usual size to a best-effort subscriber."""

import os
from pathlib import Path
import subprocess
import sys
import threading

from dds.open_node import open_node, spun
import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Empty

PROFILE = Path(__file__).parents[2] / 'config' / 'dds' / 'fastdds_large_images.xml'
IMAGES = 20
BYTES = 3_000_000
PATIENCE = 30.0


@pytest.fixture
def listener():
    with open_node('listener') as node, spun(node):
        yield node


def test_no_large_image_is_lost(listener):
    if os.environ.get('RMW_IMPLEMENTATION', 'rmw_fastrtps_cpp') != 'rmw_fastrtps_cpp':
        pytest.skip('the profile is one of Fast DDS')
    arrived = threading.Semaphore(0)
    sizes = []

    def on_image(message):
        sizes.append(len(message.data))
        arrived.release()

    best_effort = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
    listener.create_subscription(CompressedImage, '/image', on_image, best_effort)
    ask = listener.create_publisher(Empty, '/next', QoSProfile(depth=10))
    camera = subprocess.Popen(
        [sys.executable, Path(__file__).with_name('image_publisher.py'), str(BYTES)],
        env={**os.environ, 'FASTRTPS_DEFAULT_PROFILES_FILE': str(PROFILE)},
    )
    try:
        # Both directions are matched as soon as one image has made its way.
        for _ in range(int(PATIENCE / 0.2)):
            ask.publish(Empty())
            if arrived.acquire(timeout=0.2):
                break
        while arrived.acquire(timeout=0.5):
            pass
        sizes.clear()
        for index in range(IMAGES):
            ask.publish(Empty())
            assert arrived.acquire(timeout=PATIENCE), f'image {index} is lost'
    finally:
        camera.kill()
        camera.wait()
    assert sizes == [BYTES] * IMAGES
