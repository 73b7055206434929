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

"""Frame records and box layers."""

import numpy as np
import pytest
from viz.scene import car, record

from emiff_ros.viz.palette import Source
from emiff_ros.viz.records import BoxLayer, as_boxes, found_boxes


def test_a_record_has_its_layers_in_drawing_order():
    layers = record().layers()
    assert [layer.source for layer in layers] == [
        Source.GROUND_TRUTH,
        Source.VEHICLE_ONLY,
        Source.COOPERATIVE,
    ]
    assert [len(layer.boxes) for layer in layers] == [3, 1, 2]
    assert layers[0].scores is None
    np.testing.assert_array_equal(layers[2].scores, [0.9, 0.6])


def test_empty_lists_become_empty_arrays():
    frame = record(cooperative=[], cooperative_scores=[])
    assert frame.cooperative.shape == (0, 7)
    assert frame.cooperative_scores.shape == (0,)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'vehicle_image': np.zeros((4, 4), dtype=np.uint8)}, 'vehicle_image'),
        ({'infrastructure_image': np.zeros((4, 4, 3))}, 'infrastructure_image is float64'),
        ({'infrastructure_camera': None}, 'both or neither'),
        ({'ground_truth': np.zeros((2, 8))}, 'ground_truth'),
        ({'cooperative': [[np.nan] * 7], 'cooperative_scores': [1.0]}, 'not finite'),
        ({'vehicle_only_scores': [0.1, 0.2]}, '2 scores for 1 boxes'),
    ],
)
def test_a_wrong_field_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        record(**changes)


def test_an_unknown_source_is_refused():
    with pytest.raises(ValueError, match='radar'):
        BoxLayer('radar', np.empty((0, 7)))
    with pytest.raises(ValueError, match=r'\[N, 7\]'):
        as_boxes(np.zeros((7,)))


def test_found_counts_what_the_sources_found():
    frame = record()
    np.testing.assert_array_equal(frame.found(Source.VEHICLE_ONLY), [True, False, False])
    np.testing.assert_array_equal(frame.found(Source.COOPERATIVE), [True, True, False])


def test_objects_out_of_range_do_not_count():
    outside = [car(-5.0, 0.0), car(101.0, 0.0), car(20.0, 39.7), car(20.0, -39.7)]
    frame = record(ground_truth=[car(20.0, -39.6), *outside], vehicle_only=outside[:1])
    np.testing.assert_array_equal(frame.in_range(), [True, False, False, False, False])
    assert not frame.found(Source.VEHICLE_ONLY).any()


def test_one_detection_finds_one_box_and_the_best_chooses_first():
    truth = [car(10.0, 0.0), car(10.0, 1.5)]
    assert found_boxes(truth, [car(10.0, 0.7)]).sum() == 1
    detections = [car(10.0, 1.2), car(10.0, 1.4)]
    np.testing.assert_array_equal(found_boxes(truth, detections[:1]), [False, True])
    np.testing.assert_array_equal(found_boxes(truth, detections, [0.2, 0.9]), [True, True])
    np.testing.assert_array_equal(found_boxes(truth, [car(10.0, 5.0)]), [False, False])
    assert found_boxes(np.empty((0, 7)), detections).shape == (0,)
