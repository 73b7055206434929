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

"""Boxes in camera images."""

import numpy as np
import pytest
from viz.scene import camera, car

from emiff_ros.viz.overlay import draw_overlay
from emiff_ros.viz.palette import DARK, Source
from emiff_ros.viz.records import BoxLayer

SIZE = (540, 960)
GREY = np.full((*SIZE, 3), 90, dtype=np.uint8)


def layer(boxes, source=Source.COOPERATIVE, scores=None):
    return BoxLayer(source, boxes, scores)


def view():
    return camera(focal=480.0, size=SIZE)


def drawn(layers, **options):
    return draw_overlay(GREY, view(), layers, legend=False, **options)


def changed(image):
    return (image != GREY).any(axis=-1)


def test_a_box_is_drawn_in_its_colour_where_it_is_seen():
    picture = drawn([layer([car(12.0, 0.0)])])
    rows, columns = np.nonzero(changed(picture))
    assert abs((columns.min() + columns.max()) / 2 - SIZE[1] / 2) < 3
    assert rows.min() > SIZE[0] / 2
    near = np.abs(picture.astype(int) - DARK.source(Source.COOPERATIVE).bgr).max(axis=-1)
    assert (near < 12).sum() > 20
    assert (GREY == 90).all()


def test_a_box_behind_the_camera_leaves_no_mark():
    assert not changed(drawn([layer([car(-12.0, 0.0)])])).any()


def test_only_the_face_in_heading_direction_is_filled():
    """A car seen from its right side: its heading decides which end is tinted."""
    ends = {}
    for yaw in (np.pi / 2, -np.pi / 2):
        picture = drawn([layer([[9.0, 0.0, -1.7, 8.0, 3.0, 3.0, yaw]])])
        row = SIZE[0] // 2 + 12
        ends[yaw] = np.flatnonzero(changed(picture)[row])
    assert np.median(ends[np.pi / 2]) < SIZE[1] / 2 < np.median(ends[-np.pi / 2])


def test_later_layers_and_nearer_boxes_lie_on_top():
    box = [car(12.0, 0.0)]
    below, above = layer(box, Source.VEHICLE_ONLY), layer(box, Source.COOPERATIVE)
    both = drawn([below, above])
    teal = DARK.source(Source.COOPERATIVE).bgr
    orange = DARK.source(Source.VEHICLE_ONLY).bgr
    assert (np.abs(both.astype(int) - teal).max(axis=-1) < 12).sum() > 20
    assert (np.abs(both.astype(int) - orange).max(axis=-1) < 12).sum() == 0
    order = drawn([layer([car(8.0, 0.5), car(25.0, 0.0)])])
    np.testing.assert_array_equal(order, drawn([layer([car(25.0, 0.0), car(8.0, 0.5)])]))


def test_ground_truth_is_thinner_than_detections():
    near = [car(9.0, 0.0)]
    truth = changed(drawn([layer(near, Source.GROUND_TRUTH)])).sum()
    assert 0 < truth < changed(drawn([layer(near, Source.COOPERATIVE)])).sum()


def test_scores_and_legend_are_drawn_on_request():
    layers = [layer([car(12.0, 0.0)], scores=[0.87])]
    plain, scored = drawn(layers), drawn(layers, scores=True)
    assert changed(scored).sum() > changed(plain).sum()
    legend = draw_overlay(GREY, view(), layers)
    assert changed(legend)[: SIZE[0] // 4, : SIZE[1] // 3].any()
    assert not changed(plain)[: SIZE[0] // 4, : SIZE[1] // 3].any()


def test_a_picture_too_small_for_the_legend_has_none():
    tiny = np.full((20, 20, 3), 90, dtype=np.uint8)
    np.testing.assert_array_equal(draw_overlay(tiny, camera(), [layer([car(-9.0, 0.0)])]), tiny)


def test_an_image_of_another_type_is_refused():
    with pytest.raises(ValueError, match='BGR uint8'):
        draw_overlay(GREY.astype(np.float32), camera(), [])
