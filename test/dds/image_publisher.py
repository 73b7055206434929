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

"""Publishes an image of argv[1] bytes for each message on /next; its stamp counts them."""

import sys

import rclpy
from rclpy.qos import QoSProfile
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Empty

rclpy.init()
node = rclpy.create_node('camera')
publisher = node.create_publisher(CompressedImage, '/image', QoSProfile(depth=10))
image = CompressedImage(data=bytes(int(sys.argv[1])))


def publish(_):
    image.header.stamp.sec += 1
    publisher.publish(image)


node.create_subscription(Empty, '/next', publish, QoSProfile(depth=10))
rclpy.spin(node)
