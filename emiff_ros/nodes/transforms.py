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

"""Poses from TF, where tf2_ros is installed."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray
from rclpy.clock import ClockType, JumpThreshold
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.time import Time

from emiff_ros.geometry import affine_from_parts, rotation_from_quaternion
from emiff_ros.nodes.calibration import Extrinsics
from emiff_ros.nodes.parameters import ParameterError
from emiff_ros.nodes.poses import VehiclePose
from emiff_ros.nodes.refusal import Refusal

CACHE = 10_000_000_000
"""Nanoseconds that TF remembers; a stamp that lies further back is another playing of a bag."""


def tf_is_wanted(*sources: str) -> bool:
    """Tell whether one of the parameters (``auto``, ``tf`` or another source) asks for TF.

    Raises:
        ParameterError: if one is ``tf`` but tf2_ros is not installed.
    """
    installed = find_spec('tf2_ros') is not None
    if 'tf' in sources and not installed:
        raise ParameterError(
            'poses are to come from TF but tf2_ros is not installed: install '
            'ros-$ROS_DISTRO-tf2-ros-py, or take them from topics'
        )
    return installed and not {'tf', 'auto'}.isdisjoint(sources)


class Transforms:
    """Listens to /tf and /tf_static and answers for a stamp."""

    def __init__(self, node: Node) -> None:
        """Subscribe on ``node``; needs tf2_ros."""
        import tf2_ros

        self._failures = tf2_ros.TransformException
        self._buffer = tf2_ros.Buffer()
        self._listener = tf2_ros.TransformListener(self._buffer, node)
        self._newest = 0
        threshold = JumpThreshold(
            min_forward=None, min_backward=Duration(seconds=-1), on_clock_change=True
        )
        self._jump_handle = node.get_clock().create_jump_callback(
            threshold, post_callback=lambda _: self._forget()
        )

    def close(self) -> None:
        """Remove the subscriptions."""
        self._jump_handle.unregister()
        self._listener.unregister()

    def _forget(self) -> None:
        """Begin anew: what TF knows is of another run."""
        self._buffer.clear()
        self._newest = 0

    def lookup(
        self, target: str, source: str, stamp: int, timeout: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return position ``[3]`` (metres) and quaternion ``[4]`` (xyzw) of target_from_source.

        Args:
            target: frame that points are transformed into.
            source: frame that they are given in.
            stamp: nanoseconds.
            timeout: longest wait, seconds.

        Raises:
            Refusal: ``no_transform``.
        """
        if stamp < self._newest - CACHE:
            self._buffer.clear()  # TF refuses what is older than its newest transforms
        self._newest = stamp
        moment = Time(nanoseconds=stamp, clock_type=ClockType.ROS_TIME)
        try:
            found = self._buffer.lookup_transform(
                target, source, moment, timeout=Duration(seconds=timeout)
            ).transform
        except self._failures as error:
            raise Refusal(
                'no_transform', f'TF has no {source!r} in {target!r} at {stamp} ns: {error}'
            ) from error
        position = np.array([found.translation.x, found.translation.y, found.translation.z])
        rotation = found.rotation
        quaternion = np.array([rotation.x, rotation.y, rotation.z, rotation.w])
        norm = float(np.linalg.norm(quaternion))
        if not np.isfinite(position).all() or not 0.9 < norm < 1.1:
            raise Refusal(
                'no_transform',
                f'TF from {source!r} to {target!r} is {position.tolist()}, {quaternion.tolist()}; '
                'expected finite metres and a unit quaternion',
            )
        return position, quaternion / norm


class TfPose:
    """The vehicle's pose from TF, asked as :class:`PoseBuffer` is."""

    name = 'tf'

    def __init__(self, transforms: Transforms, map_frame: str, vehicle_frame: str) -> None:
        """Look up ``vehicle_frame`` in ``map_frame``."""
        self._transforms = transforms
        self._frames = map_frame, vehicle_frame

    def at(self, stamp: int, timeout: float = 0.0) -> VehiclePose:
        """Return the pose at ``stamp`` (nanoseconds), waiting up to ``timeout`` seconds.

        Raises:
            Refusal: ``no_transform``.
        """
        return VehiclePose(
            stamp, *self._frames, *self._transforms.lookup(*self._frames, stamp, timeout)
        )


class TfExtrinsics:
    """A camera's pose from TF, asked as :class:`CalibrationBuffer` is."""

    name = 'tf'

    def __init__(
        self, transforms: Transforms, reference_frame: str, camera_frame: Callable[[], str]
    ) -> None:
        """Look up the camera in ``reference_frame``; ``camera_frame`` names its optical frame."""
        self._transforms = transforms
        self._reference_frame = reference_frame
        self._camera_frame = camera_frame

    def at(self, stamp: int, timeout: float = 0.0) -> Extrinsics:
        """Return the extrinsics at ``stamp`` (nanoseconds), waiting up to ``timeout`` seconds.

        Raises:
            Refusal: ``no_transform``, or ``no_camera_frame`` if nobody names the frame.
        """
        camera = self._camera_frame()
        if not camera:
            raise Refusal(
                'no_camera_frame',
                'the image names no frame_id and the parameter camera_frame is empty: TF cannot '
                'be asked for the camera',
            )
        position, quaternion = self._transforms.lookup(
            camera, self._reference_frame, stamp, timeout
        )
        affine = affine_from_parts(rotation_from_quaternion(quaternion), position)
        return Extrinsics(stamp, camera, self._reference_frame, affine)
