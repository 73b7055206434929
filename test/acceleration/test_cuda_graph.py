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

"""Recorded steps: what one frame keeps, the next one must not overwrite.

CUDA itself is played here: a step that was recorded reads the inputs of its recording and writes
into that recording's results, on the CPU, and may neither wait for a value nor bring one.
"""

from model.golden_cases import SMALL_S4, synthetic_picture
import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from emiff_ros.acceleration import (
    AcceleratedEncoder,
    AccelerationConfig,
    AlignedView,
    accelerate,
    encoder,
    network,
)
from emiff_ros.acceleration.cuda_graph import CapturedStep
from emiff_ros.model import Camera


class NothingWithTheHost(TorchFunctionMode):
    """Refuses what no CUDA graph can hold: values that go to the host or come from it."""

    FORBIDDEN = (
        'tensor', 'as_tensor', 'from_numpy', 'new_tensor', 'nonzero',
        'masked_select', 'item', 'tolist', 'numpy', 'cpu',
        '__bool__', '__int__', '__float__', '__index__',
    )  # fmt: skip

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = getattr(func, '__name__', '')
        assert name not in self.FORBIDDEN, f'{name} in a recorded step'
        if name in ('__getitem__', '__setitem__'):
            parts = args[1] if isinstance(args[1], tuple) else (args[1],)
            assert not any(isinstance(part, (list, tuple)) for part in parts), 'index of the host'
            masks = (part for part in parts if isinstance(part, torch.Tensor))
            assert not any(part.dtype == torch.bool for part in masks), 'index by a mask'
        return func(*args, **(kwargs or {}))


class PlayedGraph:
    """Runs a function on its inputs, always the same, into results that are always the same."""

    def __init__(self, function, inputs):
        self._function, self._inputs = function, inputs
        with NothingWithTheHost():
            self.outputs = pytree.tree_map(torch.clone, function(*inputs))

    def replay(self):
        results = pytree.tree_leaves(self._function(*self._inputs))
        for kept, result in zip(pytree.tree_leaves(self.outputs), results, strict=True):
            kept.copy_(result)


class PlayedStep(CapturedStep):
    """A recorded step whose graph is played."""

    def _record(self, arguments, tensors):
        self._inputs = [torch.empty_like(tensor) for tensor in tensors]
        self._fill(tensors)
        inputs = pytree.tree_unflatten(self._inputs, pytree.tree_structure(arguments))
        self._graph = PlayedGraph(self._function, inputs)
        self._outputs = self._graph.outputs


@pytest.fixture
def recording(monkeypatch):
    """Let networks on the CPU record their steps."""
    for module in (network, encoder):
        monkeypatch.setattr(module, 'CapturedStep', PlayedStep)
    monkeypatch.setattr(AccelerationConfig, 'check_device', lambda *arguments: None)


def frames():
    """Return two frames: pictures of both cameras, and the cameras, which have moved."""
    cameras = SMALL_S4.cameras()
    moved = cameras[1].camera_from_vehicle.clone()
    moved[0, 3] += 0.5
    there = Camera(cameras[1].intrinsics, moved, cameras[1].image_size)
    pictures = [
        torch.from_numpy(synthetic_picture(seed, *SMALL_S4.image_size)) for seed in (1, 2, 3, 4)
    ]
    return (pictures[:2], cameras), (pictures[2:], [cameras[0], there])


@pytest.mark.parametrize('device_decoding', [True, False])
def test_two_frames_in_hand_do_not_mix(device_decoding, recording, model_of):
    """Both are encoded and aligned before the first one is fused, as the vehicle node may do."""
    found = {}
    for graphs in (False, True):
        acceleration = AccelerationConfig(
            neck='conv3d', cuda_graphs=graphs, device_decoding=device_decoding
        )
        copy = accelerate(model_of(SMALL_S4), acceleration)
        begun = []
        for (picture, roadside), (camera, station) in frames():
            feature = copy.encode_infrastructure_picture(roadside)
            view = AlignedView(station, copy.align_infrastructure(feature))
            begun.append((copy.encode_vehicle_picture(picture), camera, [view]))
        alone = copy.detect_encoded(*begun[0][:2])
        found[graphs] = [*(copy.detect_encoded(*frame) for frame in begun), alone]
    for plain, recorded in zip(*found.values(), strict=True):
        assert len(plain.scores) > 0
        assert torch.equal(plain.boxes, recorded.boxes)
        assert torch.equal(plain.scores, recorded.scores)


def test_two_features_in_hand_do_not_mix(recording, model_of):
    plain, recorded = (
        AcceleratedEncoder(
            model_of(SMALL_S4).infrastructure_encoder, AccelerationConfig(cuda_graphs=graphs)
        )
        for graphs in (False, True)
    )
    roadside = [pictures[1] for pictures, _ in frames()]
    expected, found = (
        [half.encode_infrastructure_picture(picture) for picture in roadside]
        for half in (plain, recorded)
    )
    assert not torch.equal(*expected)
    assert all(map(torch.equal, found, expected))


def test_a_recorded_step_takes_no_other_shape(recording):
    step = PlayedStep(torch.neg, torch.device('cpu'))
    assert torch.equal(step(torch.ones(2)), -torch.ones(2))
    with pytest.raises(ValueError, match=r'shape \(3,\); this step was recorded for \(2,\)'):
        step(torch.ones(3))
