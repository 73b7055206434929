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

"""A small world for node tests: cameras, poses and a listener over real DDS."""

from contextlib import contextmanager
from functools import partial
import time

import cv2
from dds.open_node import open_context, spun
from nav_msgs.msg import Odometry
import numpy as np
import rclpy
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CameraInfo, CompressedImage
import torch

from emiff_msgs.msg import CameraCalibration
from emiff_ros.demo.listener import ResultListener
from emiff_ros.model import Emiff, EmiffConfig
from emiff_ros.model.weights import save_weights

WIDTH, HEIGHT = 320, 192
OPTICAL_FROM_BODY = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])

TINY = {
    'image_height': 96,
    'image_width': 160,
    'backbone': {'depth': 18, 'widths': [8, 8, 16, 16]},
    'fpn_channels': 8,
    'compression': {'ratio': 8, 'halvings': 1},
    'voxels': {'counts': [24, 20, 6]},
    'view_fusion': 'visibility_weighted',
    'mask_behind_camera': True,
    'neck': {'widths': [8, 16], 'out_channels': 16},
}


def save_tiny_model(path, seed=0, config=TINY):
    """Write seeded weights of a very small network that runs in a few milliseconds."""
    torch.manual_seed(seed)
    model = Emiff(EmiffConfig.from_dict(config)).eval()
    torch.nn.init.normal_(model.head.classify.weight, std=0.5)
    save_weights(model, path)
    return path


def picture(seed=0):
    """Return the bytes of a JPEG of coloured blocks."""
    blocks = np.random.default_rng(seed).integers(0, 256, (12, 20, 3), dtype=np.uint8)
    pixels = cv2.resize(blocks, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)
    return cv2.imencode('.jpg', pixels)[1].tobytes()


def camera_from(position, yaw, pitch):
    """Return the [3, 4] transform into a camera at ``position``, turned and pitched down."""
    cos_yaw, sin_yaw, cos_pitch, sin_pitch = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    turn = np.array([[cos_yaw, -sin_yaw, 0], [sin_yaw, cos_yaw, 0], [0, 0, 1]])
    nod = np.array([[cos_pitch, 0, sin_pitch], [0, 1, 0], [-sin_pitch, 0, cos_pitch]])
    rotation = OPTICAL_FROM_BODY @ (turn @ nod).T
    return np.hstack([rotation, -rotation @ np.reshape(position, (3, 1))])


class Camera:
    """Publishes one side's images with their CameraInfo and calibration."""

    def __init__(self, node, namespace, frame, reference_frame, affine, seed):
        qos = QoSProfile(depth=10)
        self._node, self.frame = node, frame
        self._images = node.create_publisher(
            CompressedImage, f'{namespace}/camera/image/compressed', qos
        )
        self._infos = node.create_publisher(CameraInfo, f'{namespace}/camera/camera_info', qos)
        self._calibrations = node.create_publisher(
            CameraCalibration, f'{namespace}/calibration', qos
        )
        self.jpeg = picture(seed)
        self.info = CameraInfo(width=WIDTH, height=HEIGHT)
        self.info.k = [160.0, 0.0, WIDTH / 2, 0.0, 160.0, HEIGHT / 2, 0.0, 0.0, 1.0]
        self.calibration = CameraCalibration(reference_frame=reference_frame)
        self.calibration.camera_from_reference = affine.ravel()

    def publish(self, stamp, jpeg=None, without=()):
        """Publish an image and what belongs to it; ``without`` names topics that are left out."""
        image = CompressedImage(format='jpeg', data=self.jpeg if jpeg is None else jpeg)
        for name, publisher, message in (
            ('calibration', self._calibrations, self.calibration),
            ('camera_info', self._infos, self.info),
            ('image', self._images, image),
        ):
            message.header.stamp, message.header.frame_id = stamp, self.frame
            if name not in without:
                publisher.publish(message)

    def wait_until_heard(self, timeout=20.0, calibrated=True):
        publishers = [self._images, self._infos]
        if calibrated:
            publishers.append(self._calibrations)
        wait_for(lambda: all(p.get_subscription_count() for p in publishers), timeout)


class World:
    """A junction with one vehicle and one station, and everything that is heard of them."""

    def __init__(self, context):
        self.node = rclpy.create_node('world', context=context)
        self.listener = ResultListener(context=context)
        self.vehicle = Camera(
            self.node,
            '/vehicle',
            'vehicle/camera_optical',
            'vehicle',
            camera_from((0.5, 0, 0), 0, 0),
            1,
        )
        self.station = Camera(
            self.node,
            '/infrastructure',
            'infrastructure/camera_optical',
            'map',
            camera_from((1050.0, 2008.0, 26.0), np.pi, 0.2),
            2,
        )
        self._odometry = self.node.create_publisher(
            Odometry, '/vehicle/odometry', QoSProfile(depth=10)
        )

    def now(self):
        return self.node.get_clock().now()

    def publish_odometry(self, stamp):
        message = Odometry(child_frame_id='vehicle')
        message.header.stamp, message.header.frame_id = stamp, 'map'
        position = message.pose.pose.position
        position.x, position.y, position.z = 1000.0, 2000.0, 20.0
        self._odometry.publish(message)

    def publish_vehicle(self, jpeg=None):
        """Publish pose and image of the vehicle; return the stamp in nanoseconds."""
        now = self.now()
        self.publish_odometry(now.to_msg())
        self.vehicle.publish(now.to_msg(), jpeg)
        return now.nanoseconds

    def publish_station(self):
        now = self.now()
        self.station.publish(now.to_msg())
        return now.nanoseconds

    def result(self, stamp, timeout=20.0):
        """Wait for the results of one vehicle image; return its FusionStatus."""
        wait_for(
            lambda: stamp in self.listener.statuses and stamp in self.listener.detections, timeout
        )
        return self.listener.statuses[stamp]

    def fused_result(self, timeout=30.0):
        """Publish on both sides until a result is fused; return its status."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            feature = self.publish_station()
            wait_for(partial(self.listener.features.__contains__, feature), 0.5, required=False)
            status = self.result(self.publish_vehicle())
            if status.mode == status.FUSED:
                return status
        raise AssertionError('no fused result')


def wait_for(condition, timeout, required=True):
    """Wait until ``condition()`` holds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            if required:
                raise AssertionError(f'not within {timeout} s: {condition}')
            return False
        time.sleep(0.005)
    return True


def publish_until(publisher, message, condition, timeout):
    """Publish a message again and again until ``condition()`` holds.

    A publisher finds a subscription before that finds the publisher; what it sends between the two
    is lost.
    """

    def publish():
        publisher.publish(message)
        return wait_for(condition, 1.0, required=False)

    wait_for(publish, timeout)


def wait_until(moment):
    """Wait for a moment of the steady clock."""
    wait_for(lambda: time.monotonic() >= moment, 1000.0)


@contextmanager
def open_world():
    """Create a world in a DDS domain of its own, whose callbacks run on a thread of their own."""
    with open_context() as context:
        world = World(context)
        try:
            with spun(world.node, world.listener):
                yield world
        finally:
            world.listener.destroy_node()
            world.node.destroy_node()
