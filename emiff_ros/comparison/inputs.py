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

"""A frame of a data set as a network takes it."""

from emiff_ros.dair.frames import SensorFrame
from emiff_ros.geometry import Affine
from emiff_ros.model import Camera, EmiffConfig


def network_camera(
    frame: SensorFrame, camera_from_reference: Affine, config: EmiffConfig
) -> Camera:
    """Return a frame's camera, its intrinsics scaled to the network's input size.

    Args:
        frame: either side's.
        camera_from_reference: 3x4, from the frame in which the network detects, metres.
        config: of the network.

    Raises:
        DairError: if the frame's intrinsics cannot be read.
    """
    full = Camera(frame.intrinsics(), camera_from_reference, frame.image_size)
    return full.scaled((config.image_height, config.image_width))
