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

"""Features in pieces cross DDS and are fused as whole ones are."""

from functools import partial
import time

from nodes.world import publish_until, wait_for

from emiff_msgs.msg import FusionStatus

# The station's topics below its own name: nothing else remaps this one.
CHUNKS = '/infrastructure/infrastructure_node/output/feature_chunks'


def test_pieces_are_put_together_and_fused(world, start):
    start('infrastructure', chunked=True, profile='radio', chunk_redundancy=1.0)
    vehicle = start('vehicle', feature_topics=['~/nothing'], feature_chunk_topics=[CHUNKS])
    name = vehicle.description.fully_qualified_name
    assert world.fused_result(60.0).mode == FusionStatus.FUSED

    def settled():
        pieces = {
            key: int(value) for key, value in world.listener.diagnostics(name, 'chunks').items()
        }
        taken = sum(pieces[key] for key in ('used', 'duplicate', 'late', 'refused'))
        return pieces['finished'] > 0 and pieces['received'] == taken

    wait_for(settled, 20)


def test_forged_pieces_are_refused_by_name(world, start):
    from rclpy.qos import QoSProfile

    from emiff_msgs.msg import FeatureChunk

    vehicle = start('vehicle', feature_chunk_topics=['/forged']).description.fully_qualified_name
    publisher = world.node.create_publisher(FeatureChunk, '/forged', QoSProfile(depth=10))
    wait_for(publisher.get_subscription_count, 20)
    cases = {
        'unsupported_version': FeatureChunk(format_version=9),
        'too_large': FeatureChunk(format_version=1, total_size=2**32 - 1, count=2),
        'bad_chunk': FeatureChunk(format_version=1, total_size=100, count=1, piece=b'x'),
        'checksum': FeatureChunk(
            format_version=1, total_size=8, count=1, piece=bytes(8), crc32=1, sequence=4
        ),
    }

    def refused(cause):
        return world.listener.diagnostics(vehicle, 'chunks').get(f'refused.{cause}')

    first, message = cases.popitem()
    publish_until(publisher, message, partial(refused, first), 20)
    for cause, message in cases.items():
        publisher.publish(message)
        wait_for(lambda cause=cause: refused(cause) == '1', 20)
    begin = time.monotonic()
    assert world.result(world.publish_vehicle()).mode == FusionStatus.VEHICLE_ONLY
    assert time.monotonic() - begin < 20
