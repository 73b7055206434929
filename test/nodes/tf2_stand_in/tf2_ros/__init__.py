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

"""As much of tf2_ros as the nodes use, for machines where it is not installed.

Transforms that move are found at exactly their stamps: the real buffer interpolates.
"""

import threading

from geometry_msgs.msg import TransformStamped
from rclpy.duration import Duration
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.time import Time
from tf2_msgs.msg import TFMessage

from emiff_ros.geometry import (
    affine_from_parts,
    compose,
    invert_affine,
    quaternion_from_rotation,
    rotation_from_quaternion,
)


class TransformException(Exception):  # noqa: N818 - the name of the real package
    pass


class Buffer:
    def __init__(self):
        self._changed = threading.Condition()
        self._static, self._moving = {}, {}

    def set_transform(self, transform, authority):
        stamp = Time.from_msg(transform.header.stamp).nanoseconds
        with self._changed:
            self._moving.setdefault(transform.child_frame_id, {})[stamp] = transform
            self._changed.notify_all()

    def set_transform_static(self, transform, authority):
        with self._changed:
            self._static[transform.child_frame_id] = transform
            self._changed.notify_all()

    def clear(self):
        with self._changed:
            self._moving.clear()

    def _root_from(self, frame, stamp):
        """Return the transform from a frame to the root of its tree, and the root."""
        transform = self._static.get(frame) or self._moving.get(frame, {}).get(stamp)
        if transform is None:
            return frame, None
        shift, turn = transform.transform.translation, transform.transform.rotation
        parent_from_frame = affine_from_parts(
            rotation_from_quaternion([turn.x, turn.y, turn.z, turn.w]),
            [shift.x, shift.y, shift.z],
        )
        root, root_from_parent = self._root_from(transform.header.frame_id, stamp)
        if root_from_parent is None:
            return root, parent_from_frame
        return root, compose(root_from_parent, parent_from_frame)

    def lookup_transform(self, target_frame, source_frame, time, timeout=Duration()):  # noqa: B008
        stamp = time.nanoseconds

        def connected():
            roots = {self._root_from(frame, stamp)[0] for frame in (target_frame, source_frame)}
            return len(roots) == 1

        with self._changed:
            if not self._changed.wait_for(connected, timeout.nanoseconds / 1e9):
                raise TransformException(f'{target_frame} and {source_frame} are not connected')
            target, source = (
                affine if affine is not None else [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]
                for affine in (
                    self._root_from(frame, stamp)[1] for frame in (target_frame, source_frame)
                )
            )
        affine = compose(invert_affine(target), source)
        answer = TransformStamped()
        shift, turn = answer.transform.translation, answer.transform.rotation
        shift.x, shift.y, shift.z = affine[:, 3]
        turn.x, turn.y, turn.z, turn.w = quaternion_from_rotation(affine[:, :3])
        return answer


class TransformListener:
    def __init__(self, buffer, node):
        latched = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._node = node

        def take(store):
            def on_message(message):
                for transform in message.transforms:
                    store(transform, 'stand-in')

            return on_message

        self._subscriptions = [
            node.create_subscription(
                TFMessage, '/tf', take(buffer.set_transform), QoSProfile(depth=100)
            ),
            node.create_subscription(
                TFMessage, '/tf_static', take(buffer.set_transform_static), latched
            ),
        ]

    def unregister(self):
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
