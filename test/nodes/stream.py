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

"""Everything that one side hears, ten times a second, with parts that can fall silent."""

from dataclasses import replace
import threading

import numpy as np
from rclpy.qos import QoSProfile

from emiff_msgs.msg import FeatureTensor
from emiff_ros.model.weights import load_vehicle_model
from emiff_ros.transport.codec import encode_feature
from emiff_ros.transport.feature_header import FeatureHeader
from emiff_ros.transport.feature_message import serialize_feature

PERIOD = 0.1


def feature_header(world, fingerprint, station_id='station'):
    """Return the header of a feature that the tiny network can fuse."""
    return FeatureHeader(
        stamp=world.now().nanoseconds,
        frame_id='pole',
        station_id=station_id,
        session_id=1,
        sequence=0,
        fingerprint=fingerprint,
        image_size=(96, 160),
        padded_size=(96, 160),
        intrinsics=np.array([[80.0, 0, 80], [0, 80, 48], [0, 0, 1]]),
        map_frame='map',
        camera_from_map=np.array(world.station.calibration.camera_from_reference).reshape(3, 4),
    )


class FeatureSource:
    """A station that is nothing but its messages."""

    def __init__(self, world, model, topic='/infrastructure/features'):
        self._world = world
        self._fingerprint = bytes.fromhex(load_vehicle_model(model).fingerprint)
        self._publisher = world.node.create_publisher(FeatureTensor, topic, QoSProfile(depth=10))
        self._encoded = encode_feature(np.ones((1, 12, 20), np.float32), 'int8', 'rans')
        self._sequence = 0

    @property
    def is_heard(self):
        return self._publisher.get_subscription_count() > 0

    def skip(self, messages):
        """Lose messages on the way."""
        self._sequence += messages

    def publish(self, fits=True):
        fingerprint = self._fingerprint if fits else bytes(32)
        header = feature_header(self._world, fingerprint)
        self._sequence += 1
        self._publisher.publish(
            serialize_feature(replace(header, sequence=self._sequence), self._encoded)
        )


class Stream:
    """Publishes to a node on a thread of its own.

    Attributes:
        silent: names of the topics that are left out at present.
        jpegs: pictures that are sent in turn; None is the camera's own.
    """

    def __init__(self, world, side, features=None):
        self.silent = set()
        self.jpegs = [None]
        self.feature_fits = True
        self.lost_between = 0
        self._world, self._side, self._features = world, side, features
        self._stopping = threading.Event()
        self._count = 0
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._stopping.wait(PERIOD):
            stamp = self._world.now().to_msg()
            silent = set(self.silent)
            if self._features is not None and 'features' not in silent:
                self._features.skip(self.lost_between)
                self._features.publish(self.feature_fits)
            if 'odometry' not in silent:
                self._world.publish_odometry(stamp)
            self._count += 1
            camera = getattr(self._world, self._side)
            camera.publish(stamp, self.jpegs[self._count % len(self.jpegs)], silent)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stopping.set()
        self._thread.join()
