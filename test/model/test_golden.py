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

"""The network against recorded values of the original, stage by stage."""

import functools
import hashlib
import zlib

from model.golden_cases import FLIP, GOLDEN, SMALL, SMALL_S4
from model.golden_weights import released_shapes, seeded_weights
import numpy as np
import pytest
import torch

from emiff_ros.model import StageRecorder
from emiff_ros.model.camera import CameraBatch
from emiff_ros.model.voxels import project

TOLERANCE = 1e-4
SAMPLES = 4096


@functools.cache
def golden_model(case):
    return case.model()


@functools.cache
def golden_run(case):
    """Return (recorded values, our stages, our boxes) of one case."""
    model = golden_model(case)
    with StageRecorder() as recorder:
        boxes = model.decode(case.run(model))[0]
    with np.load(GOLDEN / f'golden_{case.name}.npz') as golden:
        return dict(golden), recorder.stages, boxes


@pytest.fixture(params=[SMALL, SMALL_S4], ids=lambda case: case.name)
def run(request):
    return golden_run(request.param)


def stage_names(golden):
    return [key.removesuffix('/stats') for key in golden if key.endswith('/stats')]


def test_every_stage_is_recorded(run):
    golden, stages, _ = run
    assert set(stages) == set(stage_names(golden))


def test_every_stage_agrees(run):
    golden, stages, _ = run
    wrong = {}
    for name in stage_names(golden):
        ours = stages[name].numpy()
        assert ours.shape == tuple(golden[f'{name}/shape']), name
        ours = ours.astype(np.float64).ravel()
        if f'{name}/full' in golden:
            expected = golden[f'{name}/full'].ravel()
        else:
            expected = golden[f'{name}/samp']
            seed = zlib.crc32(name.encode('ascii'))
            ours = ours[np.random.RandomState(seed).randint(0, ours.size, SAMPLES)]
        largest = np.abs(golden[f'{name}/stats'][2:4]).max()
        difference = np.abs(ours - expected).max() / largest
        if not difference <= TOLERANCE:
            wrong[name] = difference
    assert not wrong


@pytest.mark.parametrize('side', ['v', 'i'])
def test_same_voxels_are_hit(run, side):
    golden, stages, _ = run
    hit = (stages[f'volume_{side}'].numpy() != 0).any(axis=1)
    assert hit.sum() == golden[f'volume_{side}/hits'][0]
    assert (np.packbits(hit.ravel()) == golden[f'volume_{side}/hit']).all()


def test_same_boxes_in_the_same_order(run):
    golden, _, boxes = run
    expected = golden['det0/boxes']
    assert len(boxes) == len(expected) > 10
    assert np.abs(boxes.boxes.numpy()[:, :6] - expected[:, :6]).max() < 0.01
    assert np.abs(boxes.boxes.numpy()[:, 6] - expected[:, 6]).max() < 1e-3
    assert np.abs(boxes.scores.numpy() - golden['det0/scores']).max() < 1e-3
    assert (boxes.labels.numpy() == golden['det0/labels']).all()


def test_points_behind_the_camera_are_sampled():
    """Quirk: no depth test. All 2887 roadside voxels of this case lie behind the camera."""
    _, stages, _ = golden_run(SMALL_S4)
    hits = (stages['volume_i'] != 0).any(dim=1)
    assert hits.sum() == 2887
    sampler = golden_model(SMALL_S4).voxel_sampler
    camera = CameraBatch.stack(SMALL_S4.cameras()[1:])
    _, depth = project(sampler.centres(hits.device), camera, torch.tensor([False]))
    assert (depth.view_as(hits)[hits] < 0).all()


def test_mirrored_sample_agrees():
    """Quirks of mirroring: fx and cx negated in CCM, points mirrored, pixels mirrored back."""
    maps = FLIP.run(golden_model(SMALL))
    with np.load(GOLDEN / 'golden_loss.npz') as golden:
        for name, ours in maps._asdict().items():
            expected = golden[name]
            assert ours.shape == expected.shape
            assert np.abs(ours.numpy() - expected).max() <= TOLERANCE * np.abs(expected).max()


@pytest.mark.parametrize(
    ('halvings', 'keys', 'expected'),
    [
        (1, 1095, '4633f0bfbcf4f89ccc1f072ed375f6700982011814bc49d73621cf9106d9e405'),
        (4, 1119, '41099026ca5f3e56ffddc726cca11947aed974c7f81f21cd234296d627be5a8a'),
    ],
)
def test_weight_generator_gives_the_defined_weights(halvings, keys, expected):
    shapes = released_shapes(halvings)
    digest = hashlib.sha256()
    for key, shape in shapes.items():
        digest.update(key.encode('ascii'))
        digest.update(seeded_weights({key: shape})[key].tobytes())
    assert len(shapes) == keys
    assert digest.hexdigest() == expected
