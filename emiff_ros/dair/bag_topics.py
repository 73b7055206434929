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

"""Topics, types and frames of a bag converted from DAIR-V2X-C."""

from collections.abc import Mapping
from dataclasses import dataclass

MAP_FRAME = 'map'
VEHICLE_FRAME = 'vehicle'
VEHICLE_OPTICAL_FRAME = 'vehicle/camera_optical'
INFRASTRUCTURE_OPTICAL_FRAME = 'infrastructure/camera_optical'

COMPRESSED_IMAGE = 'sensor_msgs/msg/CompressedImage'
CAMERA_INFO = 'sensor_msgs/msg/CameraInfo'
CAMERA_CALIBRATION = 'emiff_msgs/msg/CameraCalibration'
ODOMETRY = 'nav_msgs/msg/Odometry'
TF_MESSAGE = 'tf2_msgs/msg/TFMessage'
DETECTIONS = 'vision_msgs/msg/Detection3DArray'


@dataclass(frozen=True)
class SideTopics:
    """Topics and optical frame of one camera."""

    image: str
    camera_info: str
    calibration: str
    optical_frame: str
    reference_frame: str


VEHICLE = SideTopics(
    image='/vehicle/camera/image/compressed',
    camera_info='/vehicle/camera/camera_info',
    calibration='/vehicle/calibration',
    optical_frame=VEHICLE_OPTICAL_FRAME,
    reference_frame=VEHICLE_FRAME,
)
INFRASTRUCTURE = SideTopics(
    image='/infrastructure/camera/image/compressed',
    camera_info='/infrastructure/camera/camera_info',
    calibration='/infrastructure/calibration',
    optical_frame=INFRASTRUCTURE_OPTICAL_FRAME,
    reference_frame=MAP_FRAME,
)
VEHICLE_ODOMETRY = '/vehicle/odometry'
VEHICLE_DETECTIONS = '/vehicle/detections'
INFRASTRUCTURE_FEATURES = '/infrastructure/features'
TF = '/tf'
TF_STATIC = '/tf_static'

# Type of every topic that the converter writes.
TOPIC_TYPES: Mapping[str, str] = {
    VEHICLE.image: COMPRESSED_IMAGE,
    VEHICLE.camera_info: CAMERA_INFO,
    VEHICLE.calibration: CAMERA_CALIBRATION,
    VEHICLE_ODOMETRY: ODOMETRY,
    INFRASTRUCTURE.image: COMPRESSED_IMAGE,
    INFRASTRUCTURE.camera_info: CAMERA_INFO,
    INFRASTRUCTURE.calibration: CAMERA_CALIBRATION,
    TF: TF_MESSAGE,
    TF_STATIC: TF_MESSAGE,
}
