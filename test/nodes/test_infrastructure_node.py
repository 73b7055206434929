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

"""What the roadside node makes of one image, in this process and without a radio."""

import time

from nodes.world import HEIGHT, WIDTH, camera_from, picture
import numpy as np
import pytest
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage

from emiff_msgs.msg import FeatureTensor
from emiff_ros.nodes.diagnostics import OK, WARN
from emiff_ros.nodes.infrastructure_node import InfrastructureNode
from emiff_ros.nodes.managed_node import ReceivedImage
from emiff_ros.nodes.specifications import UNSET_POSE
from emiff_ros.transport import chunking
from emiff_ros.transport.codec import decode_feature
from emiff_ros.transport.coding import ZSTD
from emiff_ros.transport.feature_message import encoded_from_message


@pytest.fixture
def make(tiny_model, in_process):
    """Return a function that makes an active node with a pose from its parameters."""
    pose = camera_from((1050.0, 2008.0, 26.0), np.pi, 0.2).ravel().tolist()

    def make_node(**parameters):
        given = {
            'model': tiny_model,
            'device': 'cpu',
            'threads': 1,
            'pose_source': 'parameter',
            'camera_from_map': pose,
            **parameters,
        }
        node = in_process(InfrastructureNode, **given)
        assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
        assert node.trigger_activate() == TransitionCallbackReturn.SUCCESS
        info = CameraInfo(width=WIDTH, height=HEIGHT)
        info.k = [160.0, 0.0, WIDTH / 2, 0.0, 160.0, HEIGHT / 2, 0.0, 0.0, 1.0]
        node._on_camera_info(info)
        node.sent, node.pieces = [], []
        node._features.publish = node.sent.append
        if node._chunks is not None:
            node._chunks.publish = node.pieces.append
        return node

    return make_node


def give(node, frame='camera'):
    """Let the node work on an image; return the newest feature that it has sent."""
    message = CompressedImage(format='jpeg', data=picture())
    message.header.stamp, message.header.frame_id = node.get_clock().now().to_msg(), frame
    node.images.count('received')
    received = ReceivedImage(message, time.monotonic())
    node._finish(received, node._begin(received))
    return deserialize_message(node.sent[-1], FeatureTensor)


def test_a_feature_names_the_frame_of_the_parameter_before_that_of_the_image(make):
    assert give(make(camera_frame='pole')).header.frame_id == 'pole'


def test_a_feature_names_the_frame_of_the_image(make):
    assert give(make()).header.frame_id == 'camera'


@pytest.mark.parametrize('level', [1, 19])
def test_the_coder_of_a_feature_is_that_of_the_parameters(make, level):
    feature = give(make(coder='zstd', zstd_level=level))
    assert feature.coder == ZSTD.code
    assert decode_feature(encoded_from_message(feature)).any()


def test_a_feature_that_is_too_large_for_pieces_is_published_whole(make, monkeypatch):
    node = make(chunked=True)
    give(node)
    assert node.pieces
    assert node._rate_status().level == OK
    node.pieces.clear()
    monkeypatch.setattr(chunking, 'MAX_CHUNKED_BYTES', 100)
    give(node)
    assert len(node.sent) == 2
    assert not node.pieces
    counts = node.images.snapshot()
    assert (counts['received'], counts['published'], counts['refused']) == (2, 2, 0)
    report = node._rate_status()
    assert report.level == WARN
    assert 'at most 100 bytes' in report.message
    assert 'byte_budget' in report.message
    monkeypatch.undo()
    give(node)
    assert node.pieces
    assert node._rate_status().level == OK


def test_a_camera_that_is_elsewhere_after_a_pause_begins_a_session(make):
    node = make()
    first, second = give(node), give(node)
    node._session.follow(1, camera_from((9.0, 9.0, 9.0), 0.0, 0.2))
    moved, last = give(node), give(node)
    assert second.session_id == first.session_id != moved.session_id == last.session_id
    assert [feature.sequence for feature in (first, second, moved, last)] == [0, 1, 0, 1]


def test_an_image_that_is_handed_out_after_the_deactivation_is_not_counted(make):
    node = make()
    assert node.trigger_deactivate() == TransitionCallbackReturn.SUCCESS
    node._on_image(CompressedImage(format='jpeg', data=picture()))
    assert node.images.snapshot()['received'] == 0


@pytest.mark.parametrize(
    ('parameters', 'message'),
    [
        ({'station_id': "''"}, 'station_id is empty'),
        ({'station_id': 65 * 's'}, 'is longer than 64 bytes'),
        ({'pose_source': 'parameter', 'map_frame': "''"}, 'map_frame is empty'),
    ],
)
def test_a_name_that_no_feature_can_bear_fails_the_configuration(
    tiny_model, in_process, capfd, parameters, message
):
    node = in_process(InfrastructureNode, model=tiny_model, device='cpu', threads=1, **parameters)
    assert node.trigger_configure() == TransitionCallbackReturn.FAILURE
    assert message in capfd.readouterr().err


def test_a_pose_that_was_never_set_is_warned_of(make, capfd):
    make(camera_from_map=UNSET_POSE)
    assert 'camera_from_map is the identity, its default' in capfd.readouterr().err
