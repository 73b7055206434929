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

"""MarkerArray messages."""

from pathlib import Path
import subprocess
import sys

from builtin_interfaces.msg import Time
import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message
from std_msgs.msg import Header
from visualization_msgs.msg import Marker, MarkerArray
from viz.scene import SIZE, camera, car

from emiff_ros import viz
from emiff_ros.viz.markers import make_markers
from emiff_ros.viz.palette import DARK, Source
from emiff_ros.viz.records import BoxLayer

HEADER = Header(stamp=Time(sec=12, nanosec=34), frame_id='vehicle')
BOX = [20.0, -3.0, -1.5, 4.4, 1.8, 1.6, 0.7]


def markers(layers=(), **options):
    return make_markers(HEADER, layers, **options).markers


def named(found, namespace):
    return [marker for marker in found if marker.ns == namespace]


def points(marker):
    return np.array([[point.x, point.y, point.z] for point in marker.points])


def test_every_message_first_deletes_what_was_there():
    found = markers(ego_box=None)
    assert [marker.action for marker in found] == [Marker.DELETEALL]
    many = markers([BoxLayer(Source.COOPERATIVE, [BOX])])
    assert [marker.action for marker in many] == [Marker.DELETEALL] + [Marker.ADD] * 3


def test_every_marker_has_the_header_and_the_lifetime():
    found = markers([BoxLayer(Source.COOPERATIVE, [BOX])], lifetime=1.25)
    for marker in found:
        assert marker.header == HEADER
        assert (marker.lifetime.sec, marker.lifetime.nanosec) == (1, 250_000_000)
    (first, *_) = markers(lifetime=0.9999999999)
    assert (first.lifetime.sec, first.lifetime.nanosec) == (1, 0)
    for lifetime in (-1.0, float('nan')):
        with pytest.raises(ValueError, match='lifetime'):
            markers(lifetime=lifetime)


def test_a_box_is_a_cube_about_its_centre():
    (body,) = named(markers([BoxLayer(Source.VEHICLE_ONLY, [BOX])]), 'vehicle_only/boxes')
    assert body.type == Marker.CUBE
    position, turn, size = body.pose.position, body.pose.orientation, body.scale
    assert (position.x, position.y, position.z) == pytest.approx((20.0, -3.0, -0.7))
    assert (size.x, size.y, size.z) == (4.4, 1.8, 1.6)
    assert (turn.x, turn.y) == (0.0, 0.0)
    assert 2 * np.arctan2(turn.z, turn.w) == pytest.approx(0.7)
    colour = body.color
    assert (colour.r, colour.g, colour.b) == pytest.approx(DARK.source(Source.VEHICLE_ONLY).unit)
    assert 0 < colour.a < 1


def test_the_edges_end_in_a_tick_ahead():
    (edges,) = named(
        markers([BoxLayer(Source.COOPERATIVE, [BOX, car(5.0, 5.0)])]), 'cooperative/edges'
    )
    assert edges.type == Marker.LINE_LIST
    assert edges.scale.x > 0
    ends = points(edges)
    assert len(ends) == 2 * 13 * 2
    heading = np.array([np.cos(0.7), np.sin(0.7)])
    along = (ends[:26, :2] - BOX[:2]) @ heading
    assert along.min() == pytest.approx(-2.2)
    assert along.max() == pytest.approx(2.2 + 0.3 * 4.4)
    assert (ends[:26, 2].min(), ends[:26, 2].max()) == pytest.approx((-1.5, 0.1))


def test_sources_have_their_own_namespaces_and_ids_are_unique():
    layers = [BoxLayer(source, [BOX, car(5.0, 5.0)], [0.5, 0.25]) for source in Source]
    views = [(Source.ROADSIDE, camera(), SIZE), (Source.ROADSIDE, camera(5.0), SIZE)]
    found = markers(layers, views=views, scores=True)
    keys = [(marker.ns, marker.id) for marker in found[1:]]
    assert len(set(keys)) == len(keys)
    for source in Source:
        assert len(named(found, f'{source.value}/boxes')) == 2
        texts = [marker.text for marker in named(found, f'{source.value}/scores')]
        assert texts == ['0.50', '0.25']
    assert len(named(found, 'roadside/view')) == 2
    assert len(named(found, 'ego')) == 1


def test_a_view_is_a_pyramid_through_the_image_corners():
    view = camera(40.0, 20.0, 5.0, -2.2, 0.3)
    (marker,) = named(markers(views=[(Source.ROADSIDE, view, SIZE)]), 'roadside/view')
    ends = points(marker)
    np.testing.assert_allclose(ends[:8:2], np.tile([40.0, 20.0, 5.0], (4, 1)), atol=1e-9)
    homogeneous = view.homogeneous_pixels(ends[1:8:2])
    np.testing.assert_allclose(
        homogeneous[:, :2] / homogeneous[:, 2:],
        [[0, 0], [SIZE[1], 0], [SIZE[1], SIZE[0]], [0, SIZE[0]]],
        atol=1e-6,
    )
    assert len(ends) == 16


def test_the_message_crosses_as_it_is():
    message = make_markers(HEADER, [BoxLayer(Source.COOPERATIVE, [BOX], [0.5])], scores=True)
    received = deserialize_message(serialize_message(message), MarkerArray)
    for got, sent in zip(received.markers, message.markers, strict=True):
        for field in ('header', 'ns', 'id', 'type', 'pose', 'scale', 'lifetime', 'points', 'text'):
            assert getattr(got, field) == getattr(sent, field)


def test_the_other_modules_need_no_ros():
    folder = Path(viz.__file__).parent
    names = sorted(path.stem for path in folder.glob('*.py') if path.stem != 'markers')
    blocked = ('rclpy', 'visualization_msgs', 'geometry_msgs', 'std_msgs', 'cv_bridge')
    lines = ['import sys', *(f'sys.modules[{name!r}] = None' for name in blocked)]
    lines += [f'import emiff_ros.viz.{name}' for name in names if name != '__init__']
    assert len(lines) > 10
    subprocess.run([sys.executable, '-c', '\n'.join(lines)], check=True)
