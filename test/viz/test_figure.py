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

"""The composed picture."""

import cv2
import numpy as np
import pytest
from viz.scene import SIZE, metrics, record

from emiff_ros.viz.figure import best_frame, camera_picture, draw_hero, encode_image
from emiff_ros.viz.palette import DARK, LIGHT, Source
from emiff_ros.viz.projection import project_boxes


def test_the_picture_has_the_asked_width_and_a_strip_for_the_numbers():
    with_strip, without = draw_hero(record(), metrics(), width=960), draw_hero(record(), width=960)
    assert with_strip.shape[1] == without.shape[1] == 960
    assert with_strip.shape[0] > without.shape[0]
    height = without.shape[0] - 30
    np.testing.assert_array_equal(with_strip[:height], without[:height])
    teal = np.abs(with_strip[height:].astype(int) - DARK.source(Source.COOPERATIVE).bgr).max(
        axis=-1
    )
    assert (teal < 12).sum() > 30


def test_a_frame_without_roadside_image_says_so():
    both = draw_hero(record(), width=960)
    alone = draw_hero(record(roadside=False), width=960)
    assert alone.shape == both.shape
    assert (alone != both).any()
    missing = camera_picture(None, None, record(roadside=False), (320, 180))
    assert len(np.unique(missing.reshape(-1, 3), axis=0)) > 4


def test_the_best_frame_is_where_cooperation_adds_most():
    plain = record('plain', cooperative=[], cooperative_scores=[])
    better = record('better')
    assert best_frame([plain, better, plain]) is better
    with pytest.raises(ValueError, match='frames is empty'):
        best_frame([])


def test_themes_differ():
    assert draw_hero(record(), theme=LIGHT, width=640)[0, 0].tolist() == [255, 255, 255]
    assert draw_hero(record(), theme=DARK, width=640)[0, 0].tolist() == list(DARK.background.bgr)


def test_boxes_are_drawn_at_the_pictures_own_size():
    frame = record()
    boxes = np.vstack([layer.boxes for layer in frame.layers()])
    for scale in (1, 2):
        size = (SIZE[1] * scale, SIZE[0] * scale)
        picture = camera_picture(frame.vehicle_image, frame.vehicle_camera, frame, size)
        rows, columns = np.nonzero((picture != 90).any(axis=-1))
        pixels, visible = project_boxes(frame.vehicle_camera, boxes, SIZE)
        low, high = pixels[visible].min(axis=(0, 1)), pixels[visible].max(axis=(0, 1))
        np.testing.assert_allclose([columns.min(), rows.min()], low * scale, atol=3)
        np.testing.assert_allclose([columns.max(), rows.max()], high * scale, atol=3)


@pytest.mark.parametrize('suffix', ['.png', '.jpg', '.webp'])
def test_pictures_are_encoded_and_read_back(suffix):
    picture = draw_hero(record(), width=640)
    data = np.frombuffer(encode_image(picture, suffix), dtype=np.uint8)
    again = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert again.shape == picture.shape
    assert np.abs(again.astype(int) - picture).mean() < (0.01 if suffix == '.png' else 6)


def test_impossible_requests_are_refused(tmp_path):
    with pytest.raises(ValueError, match='width is 100'):
        draw_hero(record(), width=100)
    with pytest.raises(ValueError, match='rate_hz'):
        draw_hero(record(), {key: value for key, value in metrics().items() if key != 'rate_hz'})
    with pytest.raises(ValueError, match='.bmp'):
        encode_image(np.zeros((4, 4, 3), dtype=np.uint8), '.bmp')
