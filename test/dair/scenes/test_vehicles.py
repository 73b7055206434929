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

"""Vehicle models: they fill their label box, differ front from rear and belong to one split."""

import numpy as np
import pytest

from emiff_ros.dair.scenes.vehicle_parts import GLASS, HEADLIGHT, TAIL_LIGHT
from emiff_ros.dair.scenes.vehicles import PAINTS, draw_model, draw_paint, fleet

SPLITS = ('train', 'val', 'test')
MODELS = [model for split in SPLITS for model in fleet(split)]


@pytest.mark.parametrize('split', SPLITS)
def test_meshes_fill_their_label_boxes(split):
    slack = np.array([0.03, 0.16, 0.02])  # mirrors stand out sideways
    for model in fleet(split):
        points = model.mesh.triangles.reshape(-1, 3)
        low, high = points.min(axis=0), points.max(axis=0)
        size = np.array([model.length, model.width, model.height])
        assert (np.abs(high - low - size) <= slack).all(), model.name
        assert np.abs(low[0] + high[0]) < 0.03, model.name
        assert -0.01 <= low[2] < 0.05, model.name


@pytest.mark.parametrize('split', SPLITS)
def test_front_and_rear_are_told_apart_by_their_lights(split):
    for model in fleet(split):
        middles = model.mesh.triangles.mean(axis=1)
        for lamp, side in ((HEADLIGHT, 1), (TAIL_LIGHT, -1)):
            lamps = np.abs(model.mesh.colours - np.array(lamp['colour'])).max(axis=1) < 1e-6
            assert lamps.sum() >= 20, model.name
            assert (side * middles[lamps, 0] > 0.35 * model.length).all(), model.name
        glass = np.abs(model.mesh.colours - np.array(GLASS['colour'])).max(axis=1) < 1e-6
        assert glass.sum() >= 6, model.name


def test_no_shape_is_in_two_splits():
    sizes = [(m.length, m.width, m.height) for m in MODELS]
    assert len(set(sizes)) == len(sizes)


def test_every_split_has_every_label_type():
    for split in SPLITS:
        assert {model.kind for model in fleet(split)} == {'car', 'van', 'truck', 'bus'}


def test_unknown_split_is_refused():
    with pytest.raises(ValueError, match="unknown split 'night'"):
        fleet('night')


def test_traffic_is_mostly_cars_in_many_colours():
    rng = np.random.default_rng(0)
    kinds = [draw_model(fleet('train'), rng).kind for _ in range(400)]
    assert 0.65 < kinds.count('car') / 400 < 0.85
    paints = np.array([draw_paint(rng) for _ in range(400)])
    assert paints.min() >= 0
    assert paints.max() <= 0.85
    assert sum(weight for _, weight in PAINTS) == pytest.approx(1.0)
