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

"""What the vehicle node publishes for people to look at, while somebody is subscribed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
from cv_bridge import CvBridge
import numpy as np
from numpy.typing import NDArray
from rclpy.lifecycle.publisher import LifecyclePublisher
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from visualization_msgs.msg import MarkerArray

from emiff_ros.nodes.images import NetworkImage
from emiff_ros.nodes.outputs import NodeOutputs
from emiff_ros.viz.birds_eye import BirdsEyeRenderer
from emiff_ros.viz.markers import make_markers
from emiff_ros.viz.overlay import draw_overlay
from emiff_ros.viz.palette import Source
from emiff_ros.viz.projection import CameraView
from emiff_ros.viz.records import BoxLayer

SizedView = tuple[CameraView, tuple[int, int]]

KEPT = 5
"""Results that are kept for a viewer that is busy for a moment."""


@dataclass(frozen=True)
class Scene:
    """One result as it is drawn.

    Attributes:
        header: stamp of the image, frame of the boxes.
        boxes: ``[N, 7]`` in that frame.
        scores: ``[N]``.
        image: the vehicle's image as the network saw it.
        camera_from_vehicle: ``[3, 4]``, metres.
        stations: camera and image size of each station that was fused.
    """

    header: Header
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    image: NetworkImage
    camera_from_vehicle: NDArray[np.float64]
    stations: Sequence[SizedView]


class VehicleDebug:
    """Publishers of ``~/debug/markers``, ``~/debug/image`` and ``~/debug/birds_eye``."""

    def __init__(self, outputs: NodeOutputs) -> None:
        """Create the publishers.

        Raises:
            ValueError: if a QoS override cannot be.
        """
        profile = QoSProfile(depth=KEPT)
        self._markers = outputs.create(MarkerArray, '~/debug/markers', profile)
        self._image = outputs.create(Image, '~/debug/image', profile)
        self._birds_eye = outputs.create(Image, '~/debug/birds_eye', profile)
        self._renderer = BirdsEyeRenderer()
        self._bridge = CvBridge()

    @property
    def watched(self) -> bool:
        """Whether anything has subscribers, so that a scene is worth making."""
        publishers = self._markers, self._image, self._birds_eye
        return any(publisher.get_subscription_count() for publisher in publishers)

    def publish(self, scene: Scene) -> None:
        """Draw and publish what has subscribers."""
        source = Source.COOPERATIVE if scene.stations else Source.VEHICLE_ONLY
        layers = [BoxLayer(source, scene.boxes, scene.scores)]
        camera = CameraView(scene.image.intrinsics, scene.camera_from_vehicle)
        size = scene.image.pixels.shape[:2]
        if self._markers.get_subscription_count():
            views = [
                (source, camera, size),
                *((Source.ROADSIDE, *view) for view in scene.stations),
            ]
            self._markers.publish(make_markers(scene.header, layers, views))
        if self._image.get_subscription_count():
            picture = cv2.cvtColor(scene.image.pixels, cv2.COLOR_RGB2BGR)
            self._publish_picture(self._image, draw_overlay(picture, camera, layers), scene.header)
        if self._birds_eye.get_subscription_count():
            picture = self._renderer.render(layers, (camera, size), scene.stations)
            self._publish_picture(self._birds_eye, picture, scene.header)

    def _publish_picture(
        self, publisher: LifecyclePublisher, picture: NDArray[np.uint8], header: Header
    ) -> None:
        message = self._bridge.cv2_to_imgmsg(picture, 'bgr8')
        message.header = header
        publisher.publish(message)
