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

"""The scene from above."""

import numpy as np
import pytest
from viz.scene import SIZE, camera, car

from emiff_ros.viz.birds_eye import BirdsEyeConfig, BirdsEyeRenderer
from emiff_ros.viz.palette import DARK, LIGHT, Source
from emiff_ros.viz.records import BoxLayer


@pytest.fixture(scope='module')
def renderer():
    return BirdsEyeRenderer()


def layer(boxes, source=Source.COOPERATIVE):
    return BoxLayer(source, boxes)


def marks(renderer, layers, **views):
    """Return the pixels that differ from the picture without layers."""
    return (renderer.render(layers, **views) != renderer.render([], **views)).any(axis=-1)


def test_forward_is_up_and_left_is_left(renderer):
    origin, ahead, left = renderer.pixels([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    np.testing.assert_allclose(ahead - origin, [0, -60])
    np.testing.assert_allclose(left - origin, [-60, 0])
    assert renderer.render([]).shape == (*renderer.config.image_size, 3) == (648, 480, 3)


def test_a_box_covers_its_ground():
    close = BirdsEyeRenderer(BirdsEyeConfig((20.0, 40.0), (0.0, 20.0), pixels_per_metre=30.0))
    rows, columns = np.nonzero(marks(close, [layer([car(30.0, 10.0)])]))
    u, v = close.pixels([30.0, 10.0])
    line = 1.5 * close.config.unit
    assert abs((columns.min() + columns.max()) / 2 - u) <= 1.5
    assert columns.max() - columns.min() == pytest.approx(1.8 * 30, abs=line + 4)
    assert rows.max() == pytest.approx(v + 2.2 * 30, abs=line / 2 + 2)


@pytest.mark.parametrize('yaw', [0.0, np.pi / 2, np.pi, -0.7])
def test_the_tick_points_where_the_car_heads(renderer, yaw):
    rows, columns = np.nonzero(marks(renderer, [layer([car(30.0, 0.0, yaw)])]))
    u, v = renderer.pixels([30.0, 0.0])
    along = (v - rows) * np.cos(yaw) + (u - columns) * np.sin(yaw)
    assert along.max() > 3.0 * 6
    assert along.min() > -2.7 * 6


def test_boxes_outside_the_picture_leave_no_mark(renderer):
    assert not marks(renderer, [layer([car(300.0, 0.0), car(-50.0, 70.0)])]).any()


def test_the_views_tint_what_the_cameras_show(renderer):
    plain = renderer.render([])
    seen = renderer.render([], vehicle_view=(camera(), SIZE))
    behind, ahead = renderer.pixels([[-8.0, 5.0], [40.0, 3.0]]).round().astype(int)
    assert (seen[ahead[1], ahead[0]] != plain[ahead[1], ahead[0]]).any()
    assert (seen[behind[1], behind[0]] == plain[behind[1], behind[0]]).all()


def test_a_station_is_marked_where_it_stands(renderer):
    view = camera(40.0, 20.0, 5.0, -2.2, 0.3)
    picture = renderer.render([], roadside_views=[(view, SIZE)])
    u, v = renderer.pixels([40.0, 20.0]).round().astype(int)
    np.testing.assert_array_equal(picture[v, u], DARK.source(Source.ROADSIDE).bgr)


def test_a_station_outside_is_marked_at_the_border(renderer):
    view = camera(40.0, 70.0, 5.0, 2.0, -0.5)
    picture = renderer.render([], roadside_views=[(view, SIZE)])
    colour = np.array(DARK.source(Source.ROADSIDE).bgr)
    rows, columns = np.nonzero(np.abs(picture.astype(int) - colour).max(axis=-1) < 40)
    assert abs(rows.mean() - renderer.pixels([40.0, 0.0])[1]) < 4
    assert columns.max() < 40


def test_legend_and_themes(renderer):
    layers = [layer([car(30.0, 0.0)])]
    corner = (slice(0, 50), slice(0, 120))
    plain, legend = renderer.render(layers), renderer.render(layers, legend=True)
    assert (plain[corner] != legend[corner]).any()
    light = BirdsEyeRenderer(BirdsEyeConfig(theme=LIGHT)).render(layers)
    assert light.mean() > 200 > 60 > plain.mean()


@pytest.mark.parametrize('spot', [(19.75, 3.1), (-2.3, 0.0)], ids=['20 m', 'vehicle'])
def test_labels_lie_over_boxes(renderer, spot):
    u, v = renderer.pixels(spot).astype(int)
    around = np.s_[v - 25 : v + 25, u - 25 : u + 25]
    box = [*spot, -1.8, 16.0, 16.0, 1.5, 0.0]

    def ink(picture):
        return (np.abs(picture[around].astype(int) - DARK.muted.bgr) < 40).all(axis=-1)

    plain, covered = renderer.render([]), renderer.render([layer([box])])
    assert (plain[around] != covered[around]).any(axis=-1).mean() > 0.8
    assert ink(plain).sum() > 10
    assert ink(covered)[ink(plain)].mean() > 0.9


def test_rendering_leaves_the_prepared_ground_alone(renderer):
    first = renderer.render([])
    renderer.render([layer([car(30.0, 0.0)])], legend=True)
    np.testing.assert_array_equal(renderer.render([]), first)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'x_range': (10.0, 10.0)}, 'x_range'),
        ({'pixels_per_metre': 0.0}, 'pixels_per_metre is 0.0'),
        ({'pixels_per_metre': 0.1}, 'pixels; expected 16'),
    ],
)
def test_impossible_pictures_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        BirdsEyeConfig(**options)
