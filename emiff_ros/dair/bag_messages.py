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

"""ROS messages of one frame, serialised without a ROS installation."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from rosbags.typesys.store import Typestore

from emiff_ros.bags.message_types import make_typestore
from emiff_ros.dair.bag_topics import (
    CAMERA_CALIBRATION,
    CAMERA_INFO,
    COMPRESSED_IMAGE,
    MAP_FRAME,
    ODOMETRY,
    TF_MESSAGE,
    VEHICLE_FRAME,
    SideTopics,
)
from emiff_ros.geometry import Affine, as_affine, quaternion_from_rotation
from emiff_ros.stamps import SECOND

_DISTORTION_COEFFICIENTS = 5

# (parent frame, child frame, parent_from_child)
NamedTransform = tuple[str, str, Affine]


def rigid_part(affine: ArrayLike) -> Affine:
    """Return the transform with its linear part replaced by the nearest rotation.

    The translation stays, so that for ``map_from_camera`` the camera's centre is exact. Used where
    a message can carry nothing but a rotation (TF), never for projection.
    """
    affine = as_affine(affine)
    left, _, right = np.linalg.svd(affine[:, :3])
    sign = np.diag([1.0, 1.0, np.linalg.det(left @ right)])
    return np.hstack([left @ sign @ right, affine[:, 3:]])


class MessageFactory:
    """Builds and serialises the messages that a converted bag holds."""

    def __init__(self) -> None:
        """Load the message types.

        Raises:
            MissingDefinitionError: if the definition of ``CameraCalibration`` is not found.
        """
        self.typestore: Typestore = make_typestore([CAMERA_CALIBRATION])

    def compressed_image(self, stamp: int, side: SideTopics, jpeg: bytes) -> bytes:
        """Return a CompressedImage with the JPEG as it is."""
        return self._serialise(
            COMPRESSED_IMAGE,
            header=self._header(stamp, side.optical_frame),
            format='jpeg',
            data=np.frombuffer(jpeg, dtype=np.uint8),
        )

    def camera_info(
        self, stamp: int, side: SideTopics, intrinsics: ArrayLike, image_size: tuple[int, int]
    ) -> bytes:
        """Return a CameraInfo with D = 0 and P = [K | 0].

        Labels of DAIR-V2X-C fit its images projected with cam_K and without undistortion.
        """
        k = np.asarray(intrinsics, dtype=np.float64)
        types = self.typestore.types
        roi = types['sensor_msgs/msg/RegionOfInterest'](
            x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
        )
        return self._serialise(
            CAMERA_INFO,
            header=self._header(stamp, side.optical_frame),
            height=image_size[0],
            width=image_size[1],
            distortion_model='plumb_bob',
            d=np.zeros(_DISTORTION_COEFFICIENTS),
            k=k.reshape(9),
            r=np.eye(3).reshape(9),
            p=np.hstack([k, np.zeros((3, 1))]).reshape(12),
            binning_x=0,
            binning_y=0,
            roi=roi,
        )

    def calibration(
        self,
        stamp: int,
        side: SideTopics,
        intrinsics: ArrayLike,
        image_size: tuple[int, int],
        camera_from_reference: ArrayLike,
    ) -> bytes:
        """Return a CameraCalibration, valid from ``stamp`` on; the affine is carried exactly."""
        return self._serialise(
            CAMERA_CALIBRATION,
            header=self._header(stamp, side.optical_frame),
            reference_frame=side.reference_frame,
            image_width=image_size[1],
            image_height=image_size[0],
            k=np.asarray(intrinsics, dtype=np.float64).reshape(9),
            camera_from_reference=as_affine(camera_from_reference).reshape(12),
        )

    def odometry(self, stamp: int, map_from_vehicle: ArrayLike) -> bytes:
        """Return an Odometry with the vehicle's pose in the map; velocities are unknown (zero)."""
        types = self.typestore.types
        affine = as_affine(map_from_vehicle)
        pose = types['geometry_msgs/msg/Pose'](
            position=self._point(affine[:, 3]), orientation=self._quaternion(affine)
        )
        twist = types['geometry_msgs/msg/Twist'](
            linear=self._vector(np.zeros(3)), angular=self._vector(np.zeros(3))
        )
        return self._serialise(
            ODOMETRY,
            header=self._header(stamp, MAP_FRAME),
            child_frame_id=VEHICLE_FRAME,
            pose=types['geometry_msgs/msg/PoseWithCovariance'](pose=pose, covariance=np.zeros(36)),
            twist=types['geometry_msgs/msg/TwistWithCovariance'](
                twist=twist, covariance=np.zeros(36)
            ),
        )

    def transforms(self, stamp: int, transforms: Sequence[NamedTransform]) -> bytes:
        """Return a TFMessage; linear parts are replaced by the nearest rotation."""
        types = self.typestore.types
        stamped = []
        for parent, child, parent_from_child in transforms:
            rigid = rigid_part(parent_from_child)
            transform = types['geometry_msgs/msg/Transform'](
                translation=self._vector(rigid[:, 3]), rotation=self._quaternion(rigid)
            )
            stamped.append(
                types['geometry_msgs/msg/TransformStamped'](
                    header=self._header(stamp, parent), child_frame_id=child, transform=transform
                )
            )
        return self._serialise(TF_MESSAGE, transforms=stamped)

    def _serialise(self, type_name: str, **fields: Any) -> bytes:
        message = self.typestore.types[type_name](**fields)
        return bytes(self.typestore.serialize_cdr(message, type_name))

    def _header(self, stamp: int, frame_id: str) -> Any:
        types = self.typestore.types
        time = types['builtin_interfaces/msg/Time'](sec=stamp // SECOND, nanosec=stamp % SECOND)
        return types['std_msgs/msg/Header'](stamp=time, frame_id=frame_id)

    def _point(self, values: NDArray[np.float64]) -> Any:
        x, y, z = values.tolist()
        return self.typestore.types['geometry_msgs/msg/Point'](x=x, y=y, z=z)

    def _vector(self, values: NDArray[np.float64]) -> Any:
        x, y, z = values.tolist()
        return self.typestore.types['geometry_msgs/msg/Vector3'](x=x, y=y, z=z)

    def _quaternion(self, affine: Affine) -> Any:
        x, y, z, w = quaternion_from_rotation(affine[:, :3]).tolist()
        return self.typestore.types['geometry_msgs/msg/Quaternion'](x=x, y=y, z=z, w=w)
