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

"""Publishes the world's poses as TF, and makes a tf2_ros available where there is none."""

from importlib.util import find_spec, module_from_spec, spec_from_file_location
import os
from pathlib import Path
import sys

from geometry_msgs.msg import TransformStamped
import numpy as np
from rclpy.qos import DurabilityPolicy, QoSProfile
from tf2_msgs.msg import TFMessage

from emiff_ros.geometry import invert_affine, quaternion_from_rotation

STAND_IN = Path(__file__).parent / 'tf2_stand_in'
TF2_IS_INSTALLED = find_spec('tf2_ros') is not None


def provide_tf2(monkeypatch):
    """Let this process and its children import tf2_ros: the real one where it is installed."""
    if not TF2_IS_INSTALLED:
        spec = spec_from_file_location('tf2_ros', STAND_IN / 'tf2_ros' / '__init__.py')
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        monkeypatch.setitem(sys.modules, 'tf2_ros', module)
        path = os.pathsep.join(filter(None, [str(STAND_IN), os.environ.get('PYTHONPATH')]))
        monkeypatch.setenv('PYTHONPATH', path)


def stamped(parent, child, parent_from_child, stamp=None):
    """Return a rigid transform ``[3, 4]`` as a message."""
    message = TransformStamped(child_frame_id=child)
    message.header.frame_id = parent
    if stamp is not None:
        message.header.stamp = stamp
    shift, turn = message.transform.translation, message.transform.rotation
    affine = np.asarray(parent_from_child, dtype=np.float64)
    shift.x, shift.y, shift.z = map(float, affine[:, 3])
    turn.x, turn.y, turn.z, turn.w = map(float, quaternion_from_rotation(affine[:, :3]))
    return message


class TransformTree:
    """map -> vehicle, moving; vehicle -> its camera and map -> the pole's camera, fixed."""

    def __init__(self, world):
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._moving = world.node.create_publisher(TFMessage, '/tf', QoSProfile(depth=100))
        self._static = world.node.create_publisher(TFMessage, '/tf_static', latched)

        def fixed(parent, camera):
            affine = np.reshape(camera.calibration.camera_from_reference, (3, 4))
            return stamped(parent, camera.frame, invert_affine(affine))

        transforms = [fixed('vehicle', world.vehicle), fixed('map', world.station)]
        self._static.publish(TFMessage(transforms=transforms))

    def publish(self, stamp, position):
        affine = np.hstack([np.eye(3), np.reshape(position, (3, 1))])
        self._moving.publish(TFMessage(transforms=[stamped('map', 'vehicle', affine, stamp)]))
