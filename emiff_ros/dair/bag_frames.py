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

"""What one DAIR-V2X-C frame becomes in a bag: messages before its image and with its image."""

from dataclasses import dataclass

from emiff_ros.dair.bag_messages import MessageFactory, NamedTransform
from emiff_ros.dair.bag_topics import (
    INFRASTRUCTURE,
    MAP_FRAME,
    TF,
    VEHICLE,
    VEHICLE_FRAME,
    VEHICLE_ODOMETRY,
    SideTopics,
)
from emiff_ros.dair.calibration import Offset
from emiff_ros.dair.errors import CalibrationError, FrameIndexError
from emiff_ros.dair.frames import InfrastructureFrame, SensorFrame, VehicleFrame
from emiff_ros.geometry import Affine, invert_affine, is_rigid

POSE_TIMES = ('image', 'lidar')
_RIGID_TOLERANCE = 1e-2

TopicMessage = tuple[str, bytes]


@dataclass(frozen=True)
class FrameMessages:
    """Messages of one frame.

    Attributes:
        ahead: (topic, serialised message) written before the image.
        with_image: the same, written at the image's stamp.
        static_transform: the camera's mounting, for /tf_static.
    """

    ahead: tuple[TopicMessage, ...]
    with_image: tuple[TopicMessage, ...]
    static_transform: NamedTransform


def vehicle_messages(
    frame: VehicleFrame, factory: MessageFactory, pose_time: str = 'image'
) -> FrameMessages:
    """Build the messages of a vehicle frame.

    Args:
        frame: read completely, so that nothing of a broken frame is written.
        factory: serialises.
        pose_time: ``image`` stamps the pose with the image's time (the data set's protocol),
            ``lidar`` with the time of the LiDAR sweep that it belongs to.

    Raises:
        ValueError: for another ``pose_time``.
        DairError: if the image or a calibration cannot be used, or the pose is no rigid motion.
    """
    if pose_time not in POSE_TIMES:
        raise ValueError(f'pose_time is {pose_time!r}; expected one of {POSE_TIMES}')
    camera_from_vehicle = frame.camera_from_vehicle()
    map_from_vehicle = frame.map_from_vehicle()
    if not is_rigid(map_from_vehicle, _RIGID_TOLERANCE):
        raise CalibrationError(
            frame.path('calib_novatel_to_world_path'),
            f'the vehicle pose {map_from_vehicle[:, :3].tolist()} is no rotation',
            'odometry cannot carry it; restore the file from the data set',
            'rotation',
        )
    pose_stamp = frame.image_stamp if pose_time == 'image' else frame.pointcloud_stamp
    if pose_stamp is None:
        raise FrameIndexError(
            frame.side_root / 'data_info.json',
            f'is missing in the entry of frame {frame.frame_id}',
            "add it or use pose time 'image'",
            'pointcloud_timestamp',
        )
    pose = (MAP_FRAME, VEHICLE_FRAME, map_from_vehicle)
    mounting = (VEHICLE_FRAME, VEHICLE.optical_frame, invert_affine(camera_from_vehicle))
    calibration, with_image = _camera_messages(frame, VEHICLE, factory, camera_from_vehicle)
    return FrameMessages(
        ahead=(
            calibration,
            (VEHICLE_ODOMETRY, factory.odometry(pose_stamp, map_from_vehicle)),
            (TF, factory.transforms(pose_stamp, [pose])),
        ),
        with_image=with_image,
        static_transform=mounting,
    )


def infrastructure_messages(
    frame: InfrastructureFrame, factory: MessageFactory, offset: Offset
) -> FrameMessages:
    """Build the messages of a roadside frame with the ``system_error_offset`` in force.

    Raises:
        DairError: if the image or a calibration cannot be used.
    """
    camera_from_map = frame.camera_from_map(offset)
    calibration, with_image = _camera_messages(frame, INFRASTRUCTURE, factory, camera_from_map)
    return FrameMessages(
        ahead=(calibration,),
        with_image=with_image,
        static_transform=(
            MAP_FRAME,
            INFRASTRUCTURE.optical_frame,
            invert_affine(camera_from_map),
        ),
    )


def _camera_messages(
    frame: SensorFrame,
    side: SideTopics,
    factory: MessageFactory,
    camera_from_reference: Affine,
) -> tuple[TopicMessage, tuple[TopicMessage, ...]]:
    """Return the calibration message, and camera info and image."""
    stamp, intrinsics, size = frame.image_stamp, frame.intrinsics(), frame.image_size
    calibration = factory.calibration(stamp, side, intrinsics, size, camera_from_reference)
    camera_info = factory.camera_info(stamp, side, intrinsics, size)
    image = factory.compressed_image(stamp, side, frame.image_bytes())
    return (side.calibration, calibration), ((side.camera_info, camera_info), (side.image, image))
